// The one file that knows libuv. A libuv handle lives until its close callback has run, one turn
// after uv_close(); so each is a small block of its own that frees itself there, and the code that
// closes a timer or a watch may forget it at once, also from inside its callback.
//
// libuv before 1.45 runs all timers in one go, and again those that a callback has set to 0 ms: a
// timer that sets itself anew would keep the loop from everything else. Here 0 ms is the next turn.
//
// Surprising: a watch that reports an error (a refused connection) reports readable and writable,
// so that the next read or write finds the error; libuv by itself would report neither.
#include "loop.h"

#include "log.h"
#include "memory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#define SIGNALS_MAX 8
#define NS_PER_US 1000

struct loop {
    uv_loop_t uv;
    uv_signal_t signals[SIGNALS_MAX];
    unsigned signal_count;
    bool runs_timer;         // a callback of a timer runs now
    struct loop_timer *soon; // timers that such callbacks have set to 0 ms
    uv_idle_t after_timers;  // starts them
    uv_prepare_t turn_end;   // the hook before the sleep that counts turns
    struct metrics_histogram *turns;
    int64_t *longest_turn_us, *longest_turn_cpu_us;
    uint64_t turn_began_ns, slept_ns; // when the last turn ended, and all sleep before
    uint64_t cpu_us;                  // that the thread had used then
};

struct callback {
    loop_on_time *run;
    void *arg;
};

struct loop_timer {
    uv_timer_t uv;
    struct loop *loop;
    struct callback callback;
    bool is_soon; // in `soon`
    struct loop_timer *next, *previous;
};

struct loop_hook {
    uv_prepare_t uv;
    struct callback callback;
};

struct loop_watch {
    uv_poll_t uv;     // unused if libuv refused the descriptor
    uv_timer_t retry; // reports that refusal from the next turn
    unsigned closing; // handles whose close callback is to come
    int fd;
    bool is_refused;
    loop_on_ready *on_ready;
    void *arg;
    int events;
};

struct loop_resolve {
    uv_getaddrinfo_t uv;
    loop_on_addresses *on_addresses; // NULL: cancelled
    void *arg;
};

struct loop *loop_open(void)
{
    struct loop *loop = memory_zeroed(sizeof *loop);
    int failed = uv_loop_init(&loop->uv);
    assert(!failed);
    (void)failed;
    uv_idle_init(&loop->uv, &loop->after_timers);
    loop->after_timers.data = loop;
    return loop;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

static void keep_longest(int64_t *longest_us, uint64_t us)
{
    if ((int64_t)us > *longest_us) {
        *longest_us = (int64_t)us;
    }
}

// The time between two sleeps, less what libuv slept in between.
static void count_turn(uv_prepare_t *uv)
{
    struct loop *loop = uv->data;
    const uint64_t now_ns = uv_hrtime(), slept_ns = uv_metrics_idle_time(&loop->uv);
    const uint64_t sleep_ns = slept_ns - loop->slept_ns, passed_ns = now_ns - loop->turn_began_ns;
    const uint64_t turn_us = passed_ns > sleep_ns ? (passed_ns - sleep_ns) / NS_PER_US : 0;
    loop->turn_began_ns = now_ns;
    loop->slept_ns = slept_ns;
    metrics_observe(loop->turns, turn_us);
    keep_longest(loop->longest_turn_us, turn_us);
    const uint64_t cpu_us = loop_cpu_us();
    keep_longest(loop->longest_turn_cpu_us, cpu_us - loop->cpu_us);
    loop->cpu_us = cpu_us;
}

void loop_count_turns(struct loop *loop, struct metrics *metrics)
{
    loop->turns = metrics_seconds(metrics, "dialin_loop_turn_seconds",
                                  "How long a turn of the event loop worked.");
    loop->longest_turn_us = metrics_gauge_us(metrics, "dialin_loop_turn_seconds_max",
                                             "The longest turn of the event loop so far.");
    loop->longest_turn_cpu_us =
        metrics_gauge_us(metrics, "dialin_loop_turn_cpu_seconds_max",
                         "The most processor time that a turn of the event loop used so far.");
    uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
    loop->turn_began_ns = uv_hrtime();
    loop->cpu_us = loop_cpu_us();
    uv_prepare_init(&loop->uv, &loop->turn_end);
    loop->turn_end.data = loop;
    uv_prepare_start(&loop->turn_end, count_turn);
    uv_unref((uv_handle_t *)&loop->turn_end);
}

static void free_signal_callback(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_close(struct loop *loop)
{
    for (unsigned i = 0; i < loop->signal_count; i++) {
        uv_close((uv_handle_t *)&loop->signals[i], free_signal_callback);
    }
    uv_close((uv_handle_t *)&loop->after_timers, NULL);
    if (loop->turns) {
        uv_close((uv_handle_t *)&loop->turn_end, NULL);
    }
    while (uv_run(&loop->uv,
                  UV_RUN_DEFAULT)) { // the close callbacks, even if a callback stopped the loop
    }
    int failed = uv_loop_close(&loop->uv);
    assert(!failed); // somebody left something open
    (void)failed;
    free(loop);
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t loop_now_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

uint64_t loop_now_ms(void)
{
    return loop_now_us() / 1000;
}

uint64_t loop_wall_ms(void)
{
    return clock_us(CLOCK_REALTIME) / 1000;
}

uint64_t loop_cpu_us(void)
{
    return clock_us(CLOCK_THREAD_CPUTIME_ID);
}

static void free_handle_data(uv_handle_t *handle)
{
    free(handle->data);
}

struct loop_timer *loop_timer_open(struct loop *loop, loop_on_time *on_time, void *arg)
{
    struct loop_timer *timer = memory_zeroed(sizeof *timer);
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->loop = loop;
    timer->callback = (struct callback){on_time, arg};
    return timer;
}

static void timer_fired(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    struct loop *loop = timer->loop;
    loop->runs_timer = true;
    timer->callback.run(timer->callback.arg);
    loop->runs_timer = false;
}

static void leave_soon(struct loop_timer *timer)
{
    if (timer->is_soon) {
        *(timer->previous ? &timer->previous->next : &timer->loop->soon) = timer->next;
        if (timer->next) {
            timer->next->previous = timer->previous;
        }
        timer->is_soon = false;
    }
}

// They are due at once, so that the loop does not sleep before the turn in which they fire.
static void start_soon(uv_idle_t *uv)
{
    struct loop *loop = uv->data;
    while (loop->soon) {
        struct loop_timer *timer = loop->soon;
        leave_soon(timer);
        uv_timer_start(&timer->uv, timer_fired, 0, 0);
    }
    uv_idle_stop(uv);
}

static void join_soon(struct loop_timer *timer)
{
    struct loop *loop = timer->loop;
    uv_timer_stop(&timer->uv);
    timer->is_soon = true;
    timer->previous = NULL;
    timer->next = loop->soon;
    if (timer->next) {
        timer->next->previous = timer;
    }
    loop->soon = timer;
    uv_idle_start(&loop->after_timers, start_soon);
}

void loop_timer_start(struct loop_timer *timer, uint64_t after_ms)
{
    leave_soon(timer);
    if (after_ms == 0 && timer->loop->runs_timer) {
        join_soon(timer);
        return;
    }
    uv_update_time(timer->uv.loop); // a long turn must not make the timer fire early
    uv_timer_start(&timer->uv, timer_fired, after_ms, 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    leave_soon(timer);
    uv_timer_stop(&timer->uv);
}

void loop_timer_close(struct loop_timer *timer)
{
    if (timer) {
        leave_soon(timer);
        uv_close((uv_handle_t *)&timer->uv, free_handle_data);
    }
}

static void log_refusal(int code)
{
    log_error("the event loop cannot watch a file descriptor",
              log_text("error", uv_strerror(code)));
}

struct loop_watch *loop_watch_open(struct loop *loop, int fd, loop_on_ready *on_ready, void *arg)
{
    struct loop_watch *watch = memory_zeroed(sizeof *watch);
    uv_timer_init(&loop->uv, &watch->retry);
    watch->retry.data = watch;
    watch->uv.data = watch;
    watch->fd = fd;
    int failed = uv_poll_init(&loop->uv, &watch->uv, fd);
    watch->is_refused = failed != 0;
    if (failed) {
        log_refusal(failed);
    }
    watch->on_ready = on_ready;
    watch->arg = arg;
    return watch;
}

static void watch_ready(uv_poll_t *uv, int status, int events)
{
    struct loop_watch *watch = uv->data;
    int ready = 0;
    if (status < 0) {
        ready = LOOP_READABLE | LOOP_WRITABLE;
    } else {
        ready |= events & (UV_READABLE | UV_DISCONNECT) ? LOOP_READABLE : 0;
        ready |= events & UV_WRITABLE ? LOOP_WRITABLE : 0;
    }
    watch->on_ready(ready, watch->arg);
}

static void report_refusal(uv_timer_t *uv)
{
    struct loop_watch *watch = uv->data;
    watch->on_ready(LOOP_READABLE | LOOP_WRITABLE, watch->arg);
}

// libuv tells the kernel in its next turn, and aborts if the descriptor was closed before.
static int watch_start(struct loop_watch *watch, int wanted)
{
    if (watch->is_refused || fcntl(watch->fd, F_GETFD) < 0) {
        return UV_EBADF;
    }
    return uv_poll_start(&watch->uv, wanted, watch_ready);
}

void loop_watch_set(struct loop_watch *watch, int events)
{
    if (events == watch->events) {
        return;
    }
    watch->events = events;
    if (events == 0) {
        uv_timer_stop(&watch->retry);
        if (!watch->is_refused) {
            uv_poll_stop(&watch->uv);
        }
        return;
    }
    int wanted = 0;
    wanted |= events & LOOP_READABLE ? UV_READABLE : 0;
    wanted |= events & LOOP_WRITABLE ? UV_WRITABLE : 0;
    int failed = watch_start(watch, wanted);
    if (failed) {
        log_refusal(failed);
        uv_timer_start(&watch->retry, report_refusal, 0, 0);
    }
}

static void watch_handle_closed(uv_handle_t *handle)
{
    struct loop_watch *watch = handle->data;
    if (--watch->closing == 0) {
        free(watch);
    }
}

void loop_watch_close(struct loop_watch *watch)
{
    if (watch) {
        watch->closing = watch->is_refused ? 1 : 2;
        uv_close((uv_handle_t *)&watch->retry, watch_handle_closed);
        if (!watch->is_refused) {
            uv_close((uv_handle_t *)&watch->uv, watch_handle_closed);
        }
    }
}

static void hook_runs(uv_prepare_t *uv)
{
    struct loop_hook *hook = uv->data;
    hook->callback.run(hook->callback.arg);
}

struct loop_hook *loop_before_sleep(struct loop *loop, loop_on_time *run, void *arg)
{
    struct loop_hook *hook = memory_zeroed(sizeof *hook);
    uv_prepare_init(&loop->uv, &hook->uv);
    hook->uv.data = hook;
    hook->callback = (struct callback){run, arg};
    uv_prepare_start(&hook->uv, hook_runs);
    uv_unref((uv_handle_t *)&hook->uv);
    return hook;
}

void loop_hook_close(struct loop_hook *hook)
{
    if (hook) {
        uv_close((uv_handle_t *)&hook->uv, free_handle_data);
    }
}

static void signal_arrived(uv_signal_t *uv, int signum)
{
    (void)signum;
    const struct callback *callback = uv->data;
    callback->run(callback->arg);
}

void loop_on_signal(struct loop *loop, int signum, loop_on_time *on_signal, void *arg)
{
    assert(loop->signal_count < SIGNALS_MAX);
    uv_signal_t *uv = &loop->signals[loop->signal_count++];
    struct callback *callback = memory_zeroed(sizeof *callback);
    *callback = (struct callback){on_signal, arg};
    uv_signal_init(&loop->uv, uv);
    uv->data = callback;
    uv_signal_start(uv, signal_arrived, signum);
    uv_unref((uv_handle_t *)uv);
}

struct sync {
    uv_fs_t uv;
    loop_on_synced *on_synced;
    void *arg;
};

static void synced(uv_fs_t *uv)
{
    struct sync *sync = uv->data;
    bool is_durable = uv->result == 0;
    uv_fs_req_cleanup(uv);
    sync->on_synced(is_durable, sync->arg);
    free(sync);
}

void loop_sync(struct loop *loop, int fd, loop_on_synced *on_synced, void *arg)
{
    struct sync *sync = memory_zeroed(sizeof *sync);
    sync->uv.data = sync;
    sync->on_synced = on_synced;
    sync->arg = arg;
    int failed = uv_fs_fdatasync(&loop->uv, &sync->uv, fd, synced);
    assert(!failed);
    (void)failed;
}

// False: it is of no family that is known here.
static bool print_address(const struct addrinfo *info, loop_address address)
{
    if (info->ai_family == AF_INET) {
        return !uv_ip4_name((const struct sockaddr_in *)(const void *)info->ai_addr, address,
                            LOOP_ADDRESS_BYTES);
    }
    return info->ai_family == AF_INET6 &&
           !uv_ip6_name((const struct sockaddr_in6 *)(const void *)info->ai_addr, address,
                        LOOP_ADDRESS_BYTES);
}

static void resolved(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
    struct loop_resolve *resolve = uv->data;
    loop_address addresses[LOOP_ADDRESSES_MAX];
    size_t count = 0;
    for (const struct addrinfo *info = status == 0 ? found : NULL;
         info && count < LOOP_ADDRESSES_MAX; info = info->ai_next) {
        count += print_address(info, addresses[count]) ? 1 : 0;
    }
    uv_freeaddrinfo(found);
    if (resolve->on_addresses) {
        resolve->on_addresses(addresses, count, resolve->arg);
    }
    free(resolve);
}

struct loop_resolve *loop_resolve(struct loop *loop, const char *host, int family,
                                  loop_on_addresses *on_addresses, void *arg)
{
    struct loop_resolve *resolve = memory_zeroed(sizeof *resolve);
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_family = family == 4   ? AF_INET
                     : family == 6 ? AF_INET6
                                   : AF_UNSPEC,
    };
    resolve->uv.data = resolve;
    resolve->on_addresses = on_addresses;
    resolve->arg = arg;
    int failed = uv_getaddrinfo(&loop->uv, &resolve->uv, resolved, host, NULL, &hints);
    if (failed) { // the host's name itself is unusable
        free(resolve);
        return NULL;
    }
    return resolve;
}

void loop_resolve_cancel(struct loop_resolve *resolve)
{
    if (resolve) {
        resolve->on_addresses = NULL;
        uv_cancel((uv_req_t *)&resolve->uv);
    }
}
