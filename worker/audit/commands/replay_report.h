// A replay beside its originals: outcome by outcome, waiting times, and how well the pace was kept.
#ifndef DIALIN_AUDIT_REPLAY_REPORT_H
#define DIALIN_AUDIT_REPLAY_REPORT_H

#include "json_line.h"
#include "recorded_call.h"
#include "screen.h"
#include "wait_histogram.h"

// The outcomes of calls, as far as people compare them.
#define REPLAY_OUTCOMES(X)                                                                         \
    X(STARTED, "started")                                                                          \
    X(EXPIRED, "dead expired")                                                                     \
    X(UNKNOWN, "dead unknown")                                                                     \
    X(REJECTED, "dead rejected")                                                                   \
    X(INVALID, "dead invalid")                                                                     \
    X(UNFINISHED, "unfinished")                                                                    \
    X(NOT_KEPT, "no longer kept")
enum replay_outcome {
#define REPLAY_OUTCOME(name, text) REPLAY_##name,
    REPLAY_OUTCOMES(REPLAY_OUTCOME)
#undef REPLAY_OUTCOME
        REPLAY_OUTCOME_COUNT
};

struct replay_report {
    uint64_t calls;
    uint64_t outcomes[REPLAY_OUTCOME_COUNT][REPLAY_OUTCOME_COUNT]; // of the original, of the replay
    struct wait_histogram original, replay;                        // of those who got a bot
    struct wait_histogram pace; // how far each webhook was from its moment, in ms
};

// `original` is the hash of the original as HGETALL answers it, perhaps empty.
void replay_report_add(struct replay_report *report, const struct recorded_call *replay,
                       const redisReply *original);
void replay_report_add_pace(struct replay_report *report, uint64_t off_ms);

void replay_report_print(const struct replay_report *report, const struct screen *screen);
void replay_report_to_json(const struct replay_report *report, struct json_line *line);

#endif
