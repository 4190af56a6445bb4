// The queue as it stands, read in one step by snapshot.lua: who waits, who will be served in time,
// the agents, the account, the programs, the last events. For board, `dialin-audit now` and the
// worker's metrics alike. No I/O of its own: words of a command out, its reply in.
#ifndef DIALIN_SNAPSHOT_H
#define DIALIN_SNAPSHOT_H

#include "agents_max.h"
#include "conversations.h"
#include "forecast.h"
#include "json_line.h"
#include "redis_command.h"
#include "snapshot_memory.h"
#include "waited.h"

#include <stdbool.h>

#define SNAPSHOT_EVENTS_MAX 25
#define SNAPSHOT_MINUTES_BACK 5
#define SNAPSHOT_ANSWERED_S 20 // the service level: served within so long

// All there is, but events, of which a reader that follows the audit stream needs none.
struct snapshot_query snapshot_query_all(void);

// free: nobody waits and nothing is wrong. full: it answers 429, or calls wait for their turn.
enum snapshot_agent_state {
    SNAPSHOT_FREE,
    SNAPSHOT_FULL,
    SNAPSHOT_FAILING,
    SNAPSHOT_REJECTING,
    SNAPSHOT_PAUSED,
};
const char *snapshot_agent_state_name(enum snapshot_agent_state state);

struct snapshot_agent {
    const char *name; // borrowed from the reply, as all texts here
    enum snapshot_agent_state state;
    uint64_t waiting;
    uint64_t callers;           // of these, those on hold; the others are called, or called back
    uint64_t oldest_ms;         // how long the first of the queue has waited; 0: nobody waits
    uint64_t hold_left_ms;      // the shortest of those walked through
    uint64_t starts, starts_ms; // its starts of late, and in how long
    uint64_t window;            // how many requests may be out together; 0: as many as there are
    uint64_t next_in_ms;        // until the next may ask; 0: now
    uint64_t refusals;          // in a row
    uint64_t failures;          // in a row
    unsigned http_status;       // of the last refusal or failure; 0: there was no answer
    const char *error;          // of it; "" if there is none
    uint64_t paused_ms;         // when an operator paused it; 0: it is not paused
    const char *paused_by;      // "" if it is not
    bool has_rate;              // else nobody knows who will be lost
    uint64_t lost;              // of those who wait, by the forecast
};

struct snapshot_call {
    const char *call_id, *from, *to, *kind, *error; // "" if unknown
    size_t agent;                                   // its number in `agents`
    uint64_t place;                                 // in its wait queue, from 1
    uint64_t waited_ms, hold_left_ms, hold_ms;      // hold_ms: the whole of it
    uint64_t attempts;
    unsigned http_status; // of its last attempt
    enum forecast_verdict verdict;
    uint64_t served_in_ms; // about; if the verdict is FORECAST_SERVED
};

// Since `minutes_back` ago, or the time from which on there are samples.
struct snapshot_span {
    uint64_t ms; // 0: there is no sample
    uint64_t started, lost;
    struct waited waited;
    struct conversations conversations;
};

struct snapshot {
    uint64_t now_ms; // Redis' time
    uint64_t added, started, dead, duplicate, pending;
    int64_t unread;            // -1: Redis does not know
    uint64_t ended_unread;     // of these, calls that an operator has cancelled
    int64_t difference;        // 0: the account adds up; 0 too if `unread` is not known
    uint64_t waiting;          // in all wait queues
    uint64_t dialouts;         // of these, nobody is on hold: call backs and other dial-outs
    uint64_t workers;          // with a lease
    uint64_t unread_ms;        // how long the oldest unread entry has waited; 0: none
    uint64_t record_oldest_ms; // when the oldest entry came that is kept; 0: none is
    uint64_t lost_ever;        // calls that were given up: expired, unknown, rejected, invalid
    struct waited waited_ever;
    size_t agent_count, call_count;
    struct snapshot_agent agents[SNAPSHOT_AGENTS_MAX];
    struct snapshot_call calls[SNAPSHOT_WAITING_MAX];
    struct snapshot_span span;
    const redisReply *counts;   // names and values
    const redisReply *programs; // pairs of a name, as `worker:host-1`, and a JSON text
    const redisReply *events;   // rows of a stream, the newest first
};

// Returns false if the reply is an error or not of this kind; reply_is_error tells them apart.
// Parts of the reply go over to the memory. Both must outlive the snapshot, which is valid until
// the memory's next reading.
bool snapshot_read(struct snapshot *snapshot, redisReply *reply, struct snapshot_memory *memory);

// How it is, in a sentence: "15 callers wait; at 0.6 starts a second, about 9 of them will be
// lost." What is wrong otherwise stands before it. No number and no call id is in it.
enum snapshot_level { SNAPSHOT_GOOD, SNAPSHOT_BUSY, SNAPSHOT_BAD };
#define SNAPSHOT_SENTENCE_BYTES 2048
enum snapshot_level snapshot_sentence(const struct snapshot *snapshot,
                                      char text[SNAPSHOT_SENTENCE_BYTES]);

// What the sentence says, so that the sentences of several prefixes become one: what is wrong, each
// part with its prefix's name, then the sums. Plain memory; zeroed is an empty one.
#define SNAPSHOT_PROBLEMS_BYTES 1536
struct snapshot_summary {
    enum snapshot_level level; // of the problems
    uint64_t added, dialouts;
    uint64_t callers, lost, unknown; // unknown: they wait for an agent without a rate
    double rate;
    char problems[SNAPSHOT_PROBLEMS_BYTES]; // sentences, each with a blank after it; may be cut
};
void snapshot_summarise(const struct snapshot *snapshot, struct snapshot_summary *summary);
void snapshot_summary_add(struct snapshot_summary *all, const struct snapshot_summary *one,
                          const char *name);
enum snapshot_level snapshot_summary_sentence(const struct snapshot_summary *summary,
                                              char text[SNAPSHOT_SENTENCE_BYTES]);
const char *snapshot_level_name(enum snapshot_level level);

// As members of a JSON object (the README of this folder lists them). Numbers are as they came:
// masking is the reader's.
void snapshot_to_json(const struct snapshot *snapshot, struct json_line *line);

#endif
