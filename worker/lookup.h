// Asks a route's lookup about a call: one POST, signed after the Standard Webhooks specification,
// one callback. A client of its own, so that a slow lookup takes no connection from /start. A URL
// that fails LOOKUP_FAILURES_MAX times in a row is left alone for LOOKUP_PAUSE_MS.
#ifndef DIALIN_LOOKUP_H
#define DIALIN_LOOKUP_H

#include "call.h"
#include "http_client.h"

#define LOOKUP_FAILURES_MAX 5
#define LOOKUP_PAUSE_MS 10000
#define LOOKUP_CONNECTIONS_MAX 256

struct lookups;
struct lookups *lookups_open(struct loop *loop, struct http_authorities *authorities); // kept
void lookups_trust(struct lookups *lookups, struct http_authorities *authorities); // from now on
void lookups_close(struct lookups *lookups); // callbacks of requests still out come before

// `answer` is read from `text`, the answer's body, which is empty if there is nothing to add; the
// callback takes it over. NULL: there is no usable answer, and `problem` is a sentence why. `text`
// and `problem` are borrowed.
typedef void lookup_on_answer(struct lookup_answer *answer, struct bytes_view text,
                              const char *problem, void *arg);

// Asks the lookup of the call's route. `timeout_ms`: at most so long. Returns a sentence, and there
// is no callback, if its URL is left alone now; else NULL, and the callback never comes from inside
// this call.
const char *lookup_ask(struct lookups *lookups, const struct call *call, uint64_t timeout_ms,
                       lookup_on_answer *on_answer, void *arg);

#endif
