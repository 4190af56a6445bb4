// What a start request is answered, and the sending of it. Plain memory; all texts are borrowed.
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include "chance.h"
#include "cues.h"
#include "http_server.h"

#include <stdbool.h>

struct answer {
    unsigned status;         // 0: the connection is closed without an answer
    bool is_session;         // the body names a new session
    bool is_cold;            // and it has to be started from cold
    const char *code;        // of an error; NULL: `cue` has the body
    const char *sentence;    // of an error
    const char *retry_after; // NULL or empty: none
    const char *location;    // NULL or empty: none
    const struct cue *cue;   // NULL: none
    const char *room_url;    // of a session
    bool has_made_room;      // which the answer then names
};

// An error; without Retry-After.
struct answer answer_error(unsigned status, const char *code, const char *sentence);

// The pool is full: 429. `code` is PCC-AGENT-AT-CAPACITY, or 429 for the other form of it.
struct answer answer_at_capacity(const char *code, const char *retry_after);

void answer_send(const struct answer *answer, struct http_request *request, struct chance *chance);

#endif
