// The names of all keys under REDIS_PREFIX, and how a key is made from one. This list is the only
// one: the scripts get it too (worker/script/constants.lua).
#ifndef DIALIN_REDIS_KEYS_H
#define DIALIN_REDIS_KEYS_H

#include "bytes.h"

#define REDIS_KEY_BYTES_MAX 512 // prefix, agent and call_id are shorter together; else it is empty

// A name that ends with a colon is the first part of many keys.
#define REDIS_KEY_TABLE(X)                                                                         \
    X(WEBHOOKS, ":webhooks") /* stream, group `workers`: the webhooks as they came */              \
    X(LOW, ":low")           /* the entry up to which all are finished: the low-water mark */      \
    X(CALL, ":call:")        /* hash of a call, by its id: its state */                            \
    X(AUDIT, ":audit")       /* stream: the events */                                              \
    X(DEAD, ":dead")         /* stream: the dead letters */                                        \
    X(COUNTS, ":counts")     /* hash: entries by outcome and reason */                             \
    X(INDEX, ":index:")      /* set for each minute of entries: the numbers, agents, outcomes */   \
    X(REPLAYS, ":replays")   /* hash: how often each call was replayed */                          \
    X(REFUSED, ":refused")   /* stream: genuine webhooks that are not calls */                     \
    X(DAILY, ":daily")       /* stream, group `events`: Daily's events as they came */             \
    X(ROOM, ":room:")      /* text, expires: the call whose bot is in a room, by a digest of it */ \
    X(EARLY, ":early:")    /* hash, expires: events of a room that came before its call */         \
    X(HELD, ":held:")      /* text, expires: a trunk's call, by a digest of its room */            \
    X(EARLIES, ":earlies") /* sorted set: the rooms that have such, by when */                     \
    X(UNHEARD, ":unheard") /* sorted set: started calls without an event yet, by when */           \
    X(RUNNING, ":running:")   /* sorted set for each agent: sessions that run, by their start */   \
    X(SESSIONS, ":sessions")  /* hash: the most that ran when an agent refused, and when */        \
    X(SILENT, ":silent")      /* text, expires: since when no event came, as far as it was said */ \
    X(WORKER, ":worker:")     /* text, expires: the lease of a worker, by its consumer */          \
    X(GONE, ":gone")          /* sorted set: consumers without a lease, by when that was seen */   \
    X(LINES, ":lines")        /* set: the agents that have a wait queue ("line") */                \
    X(HOLDS, ":holds")        /* sorted set: the calls of all lines, by the end of their hold */   \
    X(LINE, ":line:")         /* sorted set for each agent: its waiting calls, by their turn */    \
    X(PACE, ":pace:")         /* hash for each agent: how fast its line is admitted */             \
    X(ADMITTED, ":asking:")   /* sorted set for each agent: admitted entries, by when */           \
    X(ANSWERS, ":answers:")   /* stream for each agent: how long its last 2xx took */              \
    X(ANSWERED, ":answered:") /* text for each agent, expires: its last answer, and who got it */  \
    X(REJECTED, ":rejected:") /* set for each agent and route: calls rejected since a start */     \
    X(REJECTING, ":rejecting:") /* hash for each agent: the routes whose every call is rejected */ \
    X(OUT, ":out:")    /* sorted set for each agent with max_in_flight: entries, by when */        \
    X(MOVES, ":moves") /* sorted set: the waiting calls that move on along their route, by when */ \
    X(LOOKUP, ":lookup:") /* text, expires: the answer of a call's lookup, by its id */            \
    X(CALLER, ":caller:") /* sorted set for each route and caller by digest, expires: his calls */ \
    X(CALLBACK, ":callback:") /* hash for each number by digest, expires: its open call back */    \
    X(SERVED, ":served:") /* text for each number by digest, expires: when it was last served */   \
    X(STARTS, ":starts:") /* hash for each agent: its starts of the last 30 s, in slots of 5 */    \
    X(AGENTS, ":agents")  /* sorted set: the agents that have started calls, by when */            \
    X(OPERATORS, ":operators") /* stream: what operators did */                                    \
    X(PAUSED, ":paused")       /* hash: the agents that an operator has paused */                  \
    X(STATUS, ":status:")      /* text, expires: how a program is, by <program>:<name> */          \
    X(PROGRAMS, ":programs")   /* sorted set: the programs that have a status, by when */          \
    X(MINUTE, ":minute:")      /* hash for each minute, expires: the counts as they were */        \
    X(ALERTED, ":alerted:")    /* text, expires: a kind of alert that was told lately */           \
    X(NEVER, ":never")         /* is never there: a key of each script (REDIS_SCRIPT_KEYS) */

#define REDIS_KEY_NAME(upper, name) REDIS_KEY_##upper,
enum redis_key { REDIS_KEY_TABLE(REDIS_KEY_NAME) REDIS_KEY_COUNT };
#undef REDIS_KEY_NAME

// A script is given two keys: the stream, and NEVER. While a slot is moved to another node of a
// cluster, its node would stop a script at the first key that is not there, half done; for the key
// that never is there it refuses the script before it begins (TRYAGAIN). Nobody writes NEVER.
#define REDIS_SCRIPT_KEYS "2"

// One set of the index holds the entries of this span.
#define REDIS_INDEX_MS 60000

// A call that has ended is known for this long after its webhook came: the webhook may come again
// for 300 s, and be spooled meanwhile.
#define REDIS_DUPLICATES_MS 600000

// Added to the score of a dial-out in an agent's line, so that it stands after all dial-ins. A
// double is exact up to 9e15.
#define REDIS_DIALOUTS_AFTER_DIALINS 4000000000000000

#define REDIS_OPERATORS_MAX "10000" // entries of the stream of what operators did, about

// Makes the key <prefix><name>, to be released by bytes_release.
void redis_key_init(struct bytes *key, const char *prefix, enum redis_key name);

// Makes the key <prefix><name><rest> in a buffer that was initialised with REDIS_KEY_BYTES_MAX or
// more. Empty if it is too long.
void redis_key_set(struct bytes *key, const char *prefix, enum redis_key name,
                   struct bytes_view rest);

#endif
