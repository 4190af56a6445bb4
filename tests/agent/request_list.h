// The start requests that came in, newest kept, for tests to assert on. An Authorization header is
// kept as good, bad or absent, never as its value. Times are loop_now_ms() but for `at_wall_ms`.
#ifndef AGENT_REQUEST_LIST_H
#define AGENT_REQUEST_LIST_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_LIST_MAX 1000000
#define REQUEST_LIST_BYTES_MAX (256U * 1024 * 1024) // of paths, keys and bodies
#define REQUEST_LIST_NONE UINT64_MAX                // the index of a request that is not kept

enum request_authorization { AUTHORIZATION_ABSENT, AUTHORIZATION_BAD, AUTHORIZATION_GOOD };

struct request_list;
struct request_list *request_list_open(size_t keep); // 0: keeps none
void request_list_close(struct request_list *list);
void request_list_keep(struct request_list *list, size_t keep); // the newest stay
void request_list_forget(struct request_list *list);
size_t request_list_count(const struct request_list *list);

struct request_seen {
    const char *path;
    const char *idempotency_key; // NULL: none
    enum request_authorization authorization;
    struct bytes_view body;
    bool body_is_json;
};

// Copies all of it. The index rises by one with each request, also when nothing is kept, and goes
// on after request_list_forget: answers that are still out must not meet another's index.
uint64_t request_list_add(struct request_list *list, const struct request_seen *seen);

// The answer of a request; status 0: its connection was closed without one.
void request_list_answered(struct request_list *list, uint64_t index, unsigned status);

struct request_list_filter {
    uint64_t from;               // the least index
    uint64_t limit;              // how many at most, oldest first
    const char *idempotency_key; // NULL: any
};

// Appends a JSON array; false where `out` cannot hold it.
bool request_list_print(const struct request_list *list, const struct request_list_filter *filter,
                        struct bytes *out);

#endif
