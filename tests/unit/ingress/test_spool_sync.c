// Who waits for which file, when a broken file was followed by a new one.
#include "spool_sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct spool_sync *sync;
    struct spool_file *former, *newer;
    unsigned kept;
};

static void on_kept(bool is_kept, void *arg)
{
    struct fixture *fixture = arg;
    assert_true(is_kept);
    fixture->kept++;
}

// The drain, which removes a file for which nobody waits, looks now.
static void on_end(void *arg)
{
    struct fixture *fixture = arg;
    assert_false(spool_sync_is_awaited(fixture->sync, fixture->former));
    assert_int_equal(spool_sync_is_awaited(fixture->sync, fixture->newer), fixture->kept < 2);
    if (fixture->kept == 2) {
        loop_stop(fixture->loop);
    }
}

static void a_file_behind_another_is_awaited(void **state)
{
    (void)state;
    char folder[] = "/tmp/dialin-spool-XXXXXX";
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct spool_files files = {.folder = fd};
    uint64_t kept = 0;
    struct fixture fixture = {
        .loop = loop_open(),
        .former = spool_file_make(fd, SPOOL_CALLS_SUFFIX),
        .newer = spool_file_make(fd, SPOOL_CALLS_SUFFIX),
    };
    const struct spool_sync_settings settings = {fixture.loop, &files, &kept, on_end, &fixture};
    fixture.sync = spool_sync_open(&settings);
    assert_true(spool_file_append(fixture.former, VIEW("one")));
    spool_sync_wait(fixture.sync, fixture.former, on_kept, &fixture);
    assert_false(spool_sync_is_awaited(fixture.sync, fixture.newer));
    assert_true(spool_file_append(fixture.newer, VIEW("two")));
    spool_sync_wait(fixture.sync, fixture.newer, on_kept, &fixture);
    assert_true(spool_sync_is_awaited(fixture.sync, fixture.former));
    assert_true(spool_sync_is_awaited(fixture.sync, fixture.newer));
    loop_run(fixture.loop);
    assert_int_equal(kept, 2);
    spool_sync_close(fixture.sync);
    spool_file_remove(fixture.former);
    spool_file_remove(fixture.newer);
    spool_file_close(fixture.former);
    spool_file_close(fixture.newer);
    loop_close(fixture.loop);
    close(fd);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_file_behind_another_is_awaited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
