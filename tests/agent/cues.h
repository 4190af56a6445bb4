// Faults on cue: what the next requests, or some by chance or by call, are answered instead of what
// the agent would say by itself.
#ifndef AGENT_CUES_H
#define AGENT_CUES_H

#include "bytes.h"
#include "chance.h"

#include "json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUES_MAX 1024
#define CUE_DELAY_MS_MAX 3600000
#define CUE_ANSWER_BYTES_MAX (256U * 1024 * 1024)

enum cue_garbage {
    GARBAGE_NONE,
    GARBAGE_TEXT,  // no JSON
    GARBAGE_EMPTY, // no byte at all
    GARBAGE_TYPES, // JSON whose members have the wrong types
    GARBAGE_CUT,   // JSON that ends in the middle
    GARBAGE_ARRAY, // JSON that is not an object
};

// In JSON: {"status":503,"count":2,"retry_after":"1"}. Which requests: the next `count` (1; 0: for
// ever, also the default where there is a probability), with a `probability`, whose Idempotency-Key
// contains `call_id`. What becomes of them: `delay_ms`, then `hang` (until "release"), or `reset`
// (the connection is closed without an answer), or an answer: `status`, `garbage` (text, empty,
// types, cut, array), `body` (these very bytes), `bytes` (that many), with `retry_after` and
// `location`. With `started` a session is begun and counted although the answer says otherwise; an
// answer of 2xx begins one in any case. A cue without an answer leaves it to the agent.
struct cue {
    unsigned status; // 0: the agent's own
    uint64_t count;
    bool is_endless;
    double probability;
    uint64_t delay_ms;
    bool hang, reset, started, has_body;
    enum cue_garbage garbage;
    uint64_t bytes;
    char call_id[129];
    char retry_after[65];
    char location[1025];
    char body[4097];
};

struct cues;
struct cues *cues_open(void);
void cues_close(struct cues *cues);
void cues_forget(struct cues *cues);
size_t cues_count(const struct cues *cues);

// Appends all cues of a JSON array, or none, and returns a sentence that says why.
const char *cues_add(struct cues *cues, const cJSON *array);

// The first cue in the queue that takes this request, copied into memory that the caller frees;
// NULL: none. `idempotency_key` may be NULL.
struct cue *cues_take(struct cues *cues, const char *idempotency_key, struct chance *chance);

#endif
