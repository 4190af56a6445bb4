// The last snapshot, and the requests of api/now that wait for the next one.
#ifndef DIALIN_BOARD_LATEST_H
#define DIALIN_BOARD_LATEST_H

#include "bytes.h"
#include "http_server.h"

#define LATEST_BYTES_MAX (256 * 1024)
#define LATEST_FRESH_MS 1500
#define LATEST_ASKERS_MAX 64

struct latest {
    struct bytes message; // `now` of a stream of events; empty: none has come yet
    uint64_t at_ms;       // loop_now_ms
    struct http_request *askers[LATEST_ASKERS_MAX];
    size_t asker_count;
};

void latest_init(struct latest *latest);
void latest_release(struct latest *latest);

// A new one: answers those who wait.
void latest_take(struct latest *latest, struct bytes_view json);
bool latest_is_fresh(const struct latest *latest);

// Answers at once, or lets the request wait: then returns true, and a snapshot is to be asked for.
// 503 if too many wait.
bool latest_answer(struct latest *latest, struct http_request *request);

#endif
