// What is out comes back in its order, and its memory is used again.
#include "redis_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(struct redis_queue *queue, uint64_t sent_ms)
{
    const struct redis_command command = {.sent_ms = sent_ms};
    redis_queue_add(queue, &command);
}

static void first_in_first_out(void **state)
{
    (void)state;
    struct redis_queue queue = {0};
    add(&queue, 1);
    add(&queue, 2);
    assert_int_equal(queue.count, 2);
    assert_int_equal(queue.oldest->sent_ms, 1);
    assert_int_equal(redis_queue_take(&queue).sent_ms, 1);
    add(&queue, 3);
    assert_int_equal(redis_queue_take(&queue).sent_ms, 2);
    assert_int_equal(redis_queue_take(&queue).sent_ms, 3);
    assert_int_equal(queue.count, 0);
    assert_null(queue.oldest);
    redis_queue_release(&queue);
}

static void what_was_taken_is_used_again(void **state)
{
    (void)state;
    struct redis_queue queue = {0};
    add(&queue, 1);
    const struct redis_command *first = queue.oldest;
    redis_queue_take(&queue);
    add(&queue, 2);
    assert_ptr_equal(queue.oldest, first);
    assert_int_equal(queue.oldest->sent_ms, 2);
    assert_null(queue.oldest->next);
    redis_queue_take(&queue);
    redis_queue_release(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(what_was_taken_is_used_again),
    };
    return cmocka_run_group_tests_name("redis_queue", tests, NULL, NULL);
}
