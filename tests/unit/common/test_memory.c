// Memory that is always there, and what happens where it is not.
#include "memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void zeroed_memory_is_zeroed(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300; size += 13) {
        unsigned char *memory = memory_zeroed(size);
        assert_non_null(memory);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(memory[i], 0);
        }
        free(memory);
    }
}

static void resized_memory_keeps_what_it_held(void **state)
{
    (void)state;
    char *memory = memory_resized(NULL, 4);
    memcpy(memory, "abc", 4);
    memory = memory_resized(memory, 4096);
    assert_string_equal(memory, "abc");
    memory = memory_resized(memory, 0);
    assert_non_null(memory);
    free(memory);
}

static void texts_are_copied_with_their_nul(void **state)
{
    (void)state;
    char *text = memory_text("dial-in");
    assert_string_equal(text, "dial-in");
    free(text);
    text = memory_text_of("dial-in", 4);
    assert_string_equal(text, "dial");
    free(text);
    text = memory_text_of(NULL, 0);
    assert_string_equal(text, "");
    free(text);
}

static void a_wiped_secret_is_gone(void **state)
{
    (void)state;
    char secret[] = "secret";
    memory_wipe(secret, 3);
    assert_memory_equal(secret, "\0\0\0ret", sizeof secret);
    memory_wipe(NULL, 3);
}

static void use_memory_that_is_not_there(void)
{
    volatile size_t size = SIZE_MAX / 4; // volatile: the compiler knows that it cannot be
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDERR_FILENO);
    free(memory_zeroed(size));
    _exit(0);
}

static void out_of_memory_ends_the_process(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        use_memory_that_is_not_there();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_memory_is_zeroed),
        cmocka_unit_test(resized_memory_keeps_what_it_held),
        cmocka_unit_test(texts_are_copied_with_their_nul),
        cmocka_unit_test(a_wiped_secret_is_gone),
        cmocka_unit_test(out_of_memory_ends_the_process),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
