// The event loop: a small interface to libuv. One loop, one thread. Callbacks run one at a time and
// never from inside the call that set them up. Everything opened here is closed before loop_close.
#ifndef DIALIN_LOOP_H
#define DIALIN_LOOP_H

#include "metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop *loop_open(void);
void loop_run(struct loop *loop);  // until loop_stop
void loop_stop(struct loop *loop); // may be called from any callback
void loop_close(struct loop *loop);

// Counts from now on how long each turn works, from one sleep to the next:
// dialin_loop_turn_seconds, and the longest turn so far. While a turn runs, all else waits. The
// most processor time of a turn tells its own work from what a crowded machine makes of it.
void loop_count_turns(struct loop *loop, struct metrics *metrics);

// Monotonic time, read now. It goes on while the machine sleeps (CLOCK_BOOTTIME).
uint64_t loop_now_us(void);
uint64_t loop_now_ms(void);
uint64_t loop_wall_ms(void); // the host's wall clock; may step
uint64_t loop_cpu_us(void);  // processor time that this thread has used

// A timer fires once, `after_ms` from now, in another turn if a timer's callback starts it;
// starting it again moves it. Closing is allowed from inside its own callback.
struct loop_timer;
typedef void loop_on_time(void *arg);
struct loop_timer *loop_timer_open(struct loop *loop, loop_on_time *on_time, void *arg);
void loop_timer_start(struct loop_timer *timer, uint64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_close(struct loop_timer *timer); // NULL is allowed

// Watches a descriptor that the caller owns. Close the watch before the descriptor.
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };
struct loop_watch;
typedef void loop_on_ready(int events, void *arg); // an error on the descriptor reports both
// If the kernel refuses to watch the descriptor, the log has it, and the watch reports both events
// once: the owner's next read or write finds the error.
struct loop_watch *loop_watch_open(struct loop *loop, int fd, loop_on_ready *on_ready, void *arg);
void loop_watch_set(struct loop_watch *watch, int events); // 0 pauses it
void loop_watch_close(struct loop_watch *watch);           // NULL is allowed

// Runs in every turn just before the loop sleeps. Several hooks run in no particular order.
struct loop_hook;
struct loop_hook *loop_before_sleep(struct loop *loop, loop_on_time *hook, void *arg);
void loop_hook_close(struct loop_hook *hook);

// Calls back for each arrival of the signal until the loop is closed.
void loop_on_signal(struct loop *loop, int signum, loop_on_time *on_signal, void *arg);

// Flushes `fd` to the disk (fdatasync) without blocking the loop; the callback
// comes once. The descriptor stays open until then.
typedef void loop_on_synced(bool is_durable, void *arg);
void loop_sync(struct loop *loop, int fd, loop_on_synced *on_synced, void *arg);

// Looks up every address of a host without blocking the loop, in the order in which they are to be
// tried; `count` is 0 if it failed. `family` is 4 or 6 for addresses of that family only, 0 for
// any. The callback comes once, unless loop_resolve_cancel was called before it. Returns NULL, and
// never calls back, if the name is unusable (too long).
#define LOOP_ADDRESS_BYTES 64
#define LOOP_ADDRESSES_MAX 16
typedef char loop_address[LOOP_ADDRESS_BYTES];
struct loop_resolve;
typedef void loop_on_addresses(const loop_address *addresses, size_t count, void *arg);
struct loop_resolve *loop_resolve(struct loop *loop, const char *host, int family,
                                  loop_on_addresses *on_addresses, void *arg);
void loop_resolve_cancel(struct loop_resolve *resolve); // NULL is allowed

#endif
