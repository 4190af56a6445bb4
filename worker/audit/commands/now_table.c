// See now_table.h.
#include "now_table.h"

#include "json.h"
#include "mask.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_MAX 10 // callers that are shown
#define BYTES_PER_KB 1000
#define CELL_BYTES 64
#define TEXT_BYTES 1200 // of a number or an address
#define SENTENCE_COLUMNS 80

static const struct screen_column AGENTS[] = {
    {"AGENT", 22},   {"STATE", 10},   {"WAIT", -8},      {"OLDEST", -7},
    {"STARTS", -10}, {"NEXT IN", -7}, {"WILL LOSE", -9},
};
enum { AGENT, STATE, WAIT, OLDEST, STARTS, NEXT_IN, WILL_LOSE, AGENT_COLUMNS };

static const struct screen_column CALLS[] = {
    {"#", -3}, {"FROM", 14}, {"WAITS", -6}, {"HOLD LEFT", -9}, {"SERVED IN", -9}, {"CALL", 34},
};
enum { PLACE, FROM, WAITS, HOLD_LEFT, SERVED_IN, CALL, CALL_COLUMNS };

static const struct screen_column PROGRAMS[] = {
    {"PROGRAM", 40},
    {"IN WORK", -12},
    {"SPOOL", -9},
    {"VERSION", 16},
};
enum { PROGRAM, IN_WORK, SPOOL, PROGRAM_VERSION, PROGRAM_COLUMNS };

static void span_cell(char cell[CELL_BYTES], bool is_known, uint64_t ms)
{
    char text[TIME_TEXT_BYTES];
    time_text_print_span(ms, text);
    snprintf(cell, CELL_BYTES, "%s", is_known ? text : "-");
}

static void count_cell(char cell[CELL_BYTES], bool is_known, uint64_t count)
{
    snprintf(cell, CELL_BYTES, is_known ? "%" PRIu64 : "-", count);
}

// --- the head ----------------------------------------------------------------------------------

// Breaks lines at blanks.
static void print_sentence(const struct screen *screen, const struct snapshot *snapshot)
{
    static const enum colour COLOURS[] = {
        [SNAPSHOT_GOOD] = COLOUR_GOOD,
        [SNAPSHOT_BUSY] = COLOUR_BUSY,
        [SNAPSHOT_BAD] = COLOUR_BAD,
    };
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    enum snapshot_level level = snapshot_sentence(snapshot, sentence);
    for (const char *at = sentence; *at;) {
        size_t len = strlen(at), cut = len;
        if (len > SENTENCE_COLUMNS) {
            cut = SENTENCE_COLUMNS;
            while (cut > 0 && at[cut] != ' ') {
                cut--;
            }
            cut = cut > 0 ? cut : SENTENCE_COLUMNS;
        }
        screen_put(screen, COLOURS[level], 0, (struct bytes_view){at, cut});
        screen_print("\n");
        at += cut;
        at += strspn(at, " ");
    }
}

static void print_recent(const struct screen *screen, const struct snapshot_span *span)
{
    char minutes[CELL_BYTES], p50[CELL_BYTES], p95[CELL_BYTES], share[CELL_BYTES] = "-";
    bool has_waited = span->waited.count > 0;
    uint64_t judged = span->waited.count + span->lost;
    if (span->ms == 0) {
        return;
    }
    span_cell(minutes, true, span->ms);
    span_cell(p50, has_waited, waited_percentile_ms(&span->waited, 50));
    span_cell(p95, has_waited, waited_percentile_ms(&span->waited, 95));
    if (judged > 0) {
        snprintf(share, sizeof share, "%" PRIu64 " %%",
                 100 * waited_within(&span->waited, SNAPSHOT_ANSWERED_S) / judged);
    }
    screen_print("last %s: started %" PRIu64 ", lost %" PRIu64
                 ", waited p50 %s, p95 %s, within %d s: %s\n",
                 minutes, span->started, span->lost, p50, p95, SNAPSHOT_ANSWERED_S, share);
    if (span->conversations.never_connected > 0) {
        screen_put(screen, COLOUR_BAD, 0,
                   VIEW("a bot was started and the caller never reached it"));
        screen_print(": %" PRIu64 "\n  dialin-audit list --verdict never_connected\n",
                     span->conversations.never_connected);
    }
}

// --- the tables --------------------------------------------------------------------------------

static void print_agent(const struct screen *screen, const struct snapshot_agent *agent)
{
    static const enum colour COLOURS[] = {
        [SNAPSHOT_FREE] = COLOUR_GOOD,   [SNAPSHOT_FULL] = COLOUR_BUSY,
        [SNAPSHOT_FAILING] = COLOUR_BAD, [SNAPSHOT_REJECTING] = COLOUR_BAD,
        [SNAPSHOT_PAUSED] = COLOUR_BAD,
    };
    char waiting[CELL_BYTES], oldest[CELL_BYTES], starts[CELL_BYTES], next[CELL_BYTES];
    char lost[CELL_BYTES];
    count_cell(waiting, true, agent->callers);
    if (agent->waiting > agent->callers) {
        snprintf(waiting + strlen(waiting), sizeof waiting - strlen(waiting), "+%" PRIu64,
                 agent->waiting - agent->callers);
    }
    span_cell(oldest, agent->callers > 0, agent->oldest_ms);
    snprintf(starts, sizeof starts, "%" PRIu64 "/%" PRIu64 " s", agent->starts,
             (agent->starts_ms + 999) / 1000);
    span_cell(next, agent->next_in_ms > 0, agent->next_in_ms);
    count_cell(lost, agent->has_rate || agent->callers == 0, agent->lost);
    const char *const cells[AGENT_COLUMNS] = {
        [AGENT] = agent->name, [STATE] = snapshot_agent_state_name(agent->state),
        [WAIT] = waiting,      [OLDEST] = oldest,
        [STARTS] = starts,     [NEXT_IN] = next,
        [WILL_LOSE] = lost,
    };
    screen_row(screen, AGENTS, AGENT_COLUMNS, cells, COLOURS[agent->state], STATE);
}

static void print_call(const struct screen *screen, const struct snapshot_call *call,
                       bool with_numbers)
{
    char place[CELL_BYTES], waits[CELL_BYTES], left[CELL_BYTES], served[CELL_BYTES];
    struct bytes from, id;
    bool is_lost = call->verdict == FORECAST_LOST;
    bytes_init(&from, TEXT_BYTES);
    bytes_init(&id, TEXT_BYTES);
    if (with_numbers) {
        bytes_append_text(&from, call->from);
        bytes_append_text(&id, call->call_id);
    } else {
        mask_text(view_of_text(call->from), &from);
        mask_text(view_of_text(call->call_id), &id);
    }
    count_cell(place, true, call->place);
    span_cell(waits, call->waited_ms > 0, call->waited_ms);
    span_cell(left, true, call->hold_left_ms);
    span_cell(served, call->verdict == FORECAST_SERVED, call->served_in_ms);
    const char *const cells[CALL_COLUMNS] = {
        [PLACE] = place,
        [FROM] = bytes_text(&from),
        [WAITS] = waits,
        [HOLD_LEFT] = left,
        [SERVED_IN] = is_lost ? "lost" : served,
        [CALL] = bytes_text(&id),
    };
    screen_row(screen, CALLS, CALL_COLUMNS, cells, is_lost ? COLOUR_BAD : COLOUR_NONE, SERVED_IN);
    bytes_release(&from);
    bytes_release(&id);
}

static void print_program(const struct screen *screen, const redisReply *pair)
{
    struct json_document status;
    char id[CELL_BYTES * 4], in_work[CELL_BYTES], spool[CELL_BYTES];
    view_copy(reply_view_at(pair, 0), id, sizeof id);
    if (json_parse(&status, reply_view_at(pair, 1))) {
        return;
    }
    const char *version = json_text(status.tree, "version");
    bool is_ready = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status.tree, "ready"));
    snprintf(in_work, sizeof in_work, "%" PRIu64 "/%" PRIu64, json_count(status.tree, "in_work"),
             json_count(status.tree, "in_work_max"));
    uint64_t spooled = json_count(status.tree, "spool_bytes");
    spooled += json_count(status.tree, "spool_events_bytes"); // an older ingress has none
    snprintf(spool, sizeof spool, "%" PRIu64 " kB",
             spooled / BYTES_PER_KB + (spooled % BYTES_PER_KB > 0));
    const char *const cells[PROGRAM_COLUMNS] = {
        [PROGRAM] = id,
        [IN_WORK] = in_work,
        [SPOOL] = cJSON_HasObjectItem(status.tree, "spool_bytes") ? spool : "",
        [PROGRAM_VERSION] = is_ready ? version ? version : "" : "NOT READY",
    };
    screen_row(screen, PROGRAMS, PROGRAM_COLUMNS, cells, is_ready ? COLOUR_NONE : COLOUR_BAD,
               PROGRAM_VERSION);
    json_release(&status);
}

void now_table_print(const struct screen *screen, const struct snapshot *snapshot,
                     bool with_numbers)
{
    print_sentence(screen, snapshot);
    print_recent(screen, &snapshot->span);
    if (snapshot->agent_count > 0) {
        screen_print("\n");
        screen_head(screen, AGENTS, AGENT_COLUMNS);
    }
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        print_agent(screen, &snapshot->agents[i]);
    }
    if (snapshot->call_count > 0) {
        screen_print("\n");
        screen_head(screen, CALLS, CALL_COLUMNS);
    }
    for (size_t i = 0; i < snapshot->call_count && i < FIRST_MAX; i++) {
        print_call(screen, &snapshot->calls[i], with_numbers);
    }
    if (snapshot->programs->elements > 0) {
        screen_print("\n");
        screen_head(screen, PROGRAMS, PROGRAM_COLUMNS);
    }
    for (size_t i = 0; i < snapshot->programs->elements; i++) {
        print_program(screen, snapshot->programs->element[i]);
    }
}
