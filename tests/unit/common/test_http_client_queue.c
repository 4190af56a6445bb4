#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "http_client_queue.h"

static void begin_all(struct http_queue *queue)
{
    while (http_queue_may_begin(queue, false) > 0) {
        http_queue_take(queue);
    }
}

static void tls_begins_slowly_while_sockets_wait(void **state)
{
    (void)state;
    struct http_queued plain, tls[2];
    struct http_queue queue;
    http_queue_init(&queue);
    assert_int_equal(http_queue_may_begin(&queue, false), 0);
    http_queue_add(&queue, &plain, false);
    http_queue_add(&queue, &tls[0], true);
    http_queue_add(&queue, &tls[1], true);
    assert_int_equal(queue.tls_waiting, 2);
    assert_int_equal(http_queue_may_begin(&queue, true), HTTP_BEGIN_PER_TURN);
    assert_ptr_equal(http_queue_take(&queue), &plain);
    assert_int_equal(http_queue_may_begin(&queue, true), HTTP_TLS_BEGIN_PER_BUSY_TURN);
    assert_int_equal(http_queue_may_begin(&queue, false), HTTP_TLS_BEGIN_PER_TURN);
    assert_ptr_equal(http_queue_take(&queue), &tls[0]);
    assert_ptr_equal(http_queue_take(&queue), &tls[1]);
    assert_null(http_queue_take(&queue));
    assert_int_equal(queue.tls_waiting, 0);
    assert_int_equal(http_queue_may_begin(&queue, false), 0);
    http_queue_add(&queue, &plain, false); // to the end of an empty queue
    assert_ptr_equal(http_queue_take(&queue), &plain);
}

static void add_all(struct http_queue *queue, struct http_queued *queued, bool is_tls)
{
    http_queue_init(queue);
    for (size_t i = 0; i < HTTP_CONNECTING_MAX + 2; i++) {
        http_queue_add(queue, &queued[i], is_tls);
    }
}

static void no_more_connect_than_the_maximum(void **state)
{
    (void)state;
    static struct http_queued queued[HTTP_CONNECTING_MAX + 2];
    struct http_queue queue;
    add_all(&queue, queued, false);
    begin_all(&queue);
    assert_int_equal(queue.connecting, HTTP_CONNECTING_MAX);
    assert_true(http_queue_connected(&queue, &queued[7]));
    assert_false(http_queue_connected(&queue, &queued[7])); // it was counted once
    assert_int_equal(http_queue_may_begin(&queue, false), 1);
    begin_all(&queue);
    assert_true(http_queue_connected(&queue, &queued[8]));
    begin_all(&queue);
    assert_false(http_queue_connected(&queue, &queued[9])); // nobody waits any more
}

static void tls_finds_out_how_many_may_connect(void **state)
{
    (void)state;
    static struct http_queued queued[2 * HTTP_CONNECTING_MAX];
    struct http_queue queue;
    size_t connected = 0;
    http_queue_init(&queue);
    for (size_t i = 0; i < 2 * HTTP_CONNECTING_MAX; i++) {
        http_queue_add(&queue, &queued[i], true);
    }
    begin_all(&queue);
    assert_int_equal(queue.connecting, HTTP_TLS_CONNECTING_FIRST);
    for (; connected < HTTP_CONNECTING_MAX; connected++) { // one more for each
        assert_true(http_queue_connected(&queue, &queued[connected]));
        begin_all(&queue);
    }
    assert_int_equal(queue.connecting, HTTP_CONNECTING_MAX);
    http_queue_used(&queue, HTTP_CALL_CPU_US_MAX);
    assert_int_equal(queue.tls_connecting_max, HTTP_CONNECTING_MAX);
    http_queue_used(&queue, HTTP_CALL_CPU_US_MAX + 1);
    assert_int_equal(queue.tls_connecting_max, HTTP_CONNECTING_MAX / 2);
    assert_int_equal(http_queue_may_begin(&queue, false), 0);
    for (int i = 0; i < 10; i++) {
        http_queue_used(&queue, HTTP_CALL_CPU_US_MAX + 1);
    }
    assert_int_equal(queue.tls_connecting_max, HTTP_TLS_CONNECTING_MIN);
    for (; connected < 2 * HTTP_CONNECTING_MAX; connected++) {
        http_queue_connected(&queue, &queued[connected]);
        begin_all(&queue);
    }
    assert_int_equal(queue.connecting, 0);
    assert_int_equal(queue.tls_connecting_max, HTTP_TLS_CONNECTING_FIRST); // after a rest
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_begins_slowly_while_sockets_wait),
        cmocka_unit_test(no_more_connect_than_the_maximum),
        cmocka_unit_test(tls_finds_out_how_many_may_connect),
    };
    return cmocka_run_group_tests_name("http_client_queue", tests, NULL, NULL);
}
