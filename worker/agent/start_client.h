// Asks an agent to start a bot: one POST to /start, one callback with the answer.
#ifndef DIALIN_START_CLIENT_H
#define DIALIN_START_CLIENT_H

#include "http_client.h"
#include "route.h"

#define START_SESSION_ID_BYTES_MAX 256
#define START_ROOM_URL_BYTES_MAX 1024

struct start_request {
    const struct route *route;
    struct bytes_view call_id; // goes out as Idempotency-Key; printable ASCII
    struct bytes_view body;
    uint64_t timeout_ms;
    bool (*may_send)(void *arg);
};

struct start_answer {
    const struct http_answer *http;                  // borrowed for the callback
    char session_id[START_SESSION_ID_BYTES_MAX + 1]; // empty if the answer names none
    char room_url[START_ROOM_URL_BYTES_MAX + 1];
    const char *flaw; // a sentence if the body of a 2xx is not that of Pipecat Cloud, else NULL
};

typedef void start_on_answer(const struct start_answer *answer, void *arg);

void start_client_post(struct http_client *client, const struct start_request *request,
                       start_on_answer *on_answer, void *arg);

#endif
