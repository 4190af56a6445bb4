// The story of a call in the worker: the table of calls in work and the one state machine.
//
//   entry -> begin -> POST -> finish -> done
//              ^ |               | |
//              | +---> line <----+ |     the line is kept in Redis; an admitted call comes
//              +---- pausing <-----+     back as an entry
#ifndef DIALIN_CALLS_H
#define DIALIN_CALLS_H

#include "account.h"
#include "call_place.h"
#include "http_client.h"
#include "line.h"
#include "lookup.h"
#include "metrics.h"
#include "overflow.h"
#include "record.h"
#include "redact.h"
#include "stream_reader.h"
#include "webhook_entry.h"

#include <stdbool.h>
#include <stddef.h>

// Everything is borrowed for the life of the table.
struct calls_settings {
    const char *prefix; // of the keys
    struct call_place_settings place;
    struct overflow *overflow;
    struct lookups *lookups;
    struct redact_secrets *secrets; // grows by the keys of the agents that are asked
    size_t concurrency;             // calls in work at once
    uint64_t start_timeout_ms;
    uint64_t hold_grace_ms; // after the hold, for the answer to a request that left in time
    uint64_t lease_ms;
    struct account *account; // is told of each outcome
};

struct calls;
struct calls *calls_open(struct loop *loop, const struct calls_settings *settings,
                         struct redis *commands, struct record *record, struct http_client *client,
                         struct metrics *metrics, struct stream_reader *reader, struct lines *lines,
                         struct routing *routing);

// For line.h: max_in_flight of an agent.
uint64_t calls_out_max(const struct calls *calls, const char *agent);

// For daily_reader.h, with the table as `arg`: counts a call of that agent that an event has ended.
void calls_note_abandoned(const char *agent, const char *reason, void *arg);

// Calls are placed by these routes from their next attempt on. The table is one of the owners.
void calls_reroute(struct calls *calls, struct routing *routing);

// For stream_reader_events, with the table as `arg`.
bool calls_on_entry(struct bytes_view entry_id, const struct webhook_entry *entry,
                    const struct stream_entry_record *record, const char *problem, void *arg);
bool calls_is_known(struct bytes_view entry_id, void *arg);
size_t calls_room(void *arg);
size_t calls_beginning(void *arg);

// Takes no more, lets go of those that pause, and finishes those whose request is out.
void calls_drain(struct calls *calls);
size_t calls_count(const struct calls *calls);

// For the program's status: attempts that went wrong, by agent (alert_sources.h reads them), and
// how many there are of all agents.
void calls_describe(const struct calls *calls, struct json_line *line);
uint64_t calls_count_problems(const struct calls *calls);

// Releases everything: unfinished entries stay pending in the stream. After the client and the
// record's connection are closed, so that no callback comes after it.
void calls_close(struct calls *calls);

#endif
