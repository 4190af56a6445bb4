// A snapshot as JSON: see snapshot_to_json in snapshot.h.
#include "snapshot.h"

#include "call_json.h"
#include "json.h"

#include <string.h>

static void put_text(struct json_line *line, const char *name, const char *text)
{
    json_line_text(line, name, view_of_text(text));
}

static void put_known(struct json_line *line, const char *name, bool is_known, uint64_t number)
{
    if (is_known) {
        json_line_number(line, name, number);
    } else {
        json_line_null(line, name);
    }
}

static void put_agent(struct json_line *line, const struct snapshot_agent *agent)
{
    json_line_open_element(line);
    put_text(line, "agent", agent->name);
    put_text(line, "state", snapshot_agent_state_name(agent->state));
    json_line_number(line, "waiting", agent->waiting);
    json_line_number(line, "callers", agent->callers);
    put_known(line, "oldest_ms", agent->callers > 0, agent->oldest_ms);
    put_known(line, "hold_left_ms", agent->callers > 0, agent->hold_left_ms);
    json_line_number(line, "starts", agent->starts);
    json_line_number(line, "starts_span_ms", agent->starts_ms);
    json_line_number(line, "window", agent->window);
    json_line_number(line, "next_in_ms", agent->next_in_ms);
    json_line_number(line, "refusals", agent->refusals);
    json_line_number(line, "failures", agent->failures);
    json_line_number(line, "http_status", agent->http_status);
    put_text(line, "error", agent->error);
    put_known(line, "paused_ms", agent->state == SNAPSHOT_PAUSED, agent->paused_ms);
    put_text(line, "paused_by", agent->paused_by);
    put_known(line, "lost", agent->has_rate || agent->callers == 0, agent->lost);
    json_line_close(line, '}');
}

static void put_call(struct json_line *line, const struct snapshot *snapshot,
                     const struct snapshot_call *call)
{
    static const char *const VERDICTS[] = {
        [FORECAST_UNKNOWN] = "unknown",
        [FORECAST_SERVED] = "served",
        [FORECAST_LOST] = "lost",
    };
    json_line_open_element(line);
    put_text(line, "call_id", call->call_id);
    put_text(line, "agent", snapshot->agents[call->agent].name);
    json_line_number(line, "place", call->place);
    put_text(line, "kind", call->kind);
    put_text(line, "from", call->from);
    put_text(line, "to", call->to);
    json_line_number(line, "waited_ms", call->waited_ms);
    json_line_number(line, "hold_ms", call->hold_ms);
    json_line_number(line, "hold_left_ms", call->hold_left_ms);
    json_line_number(line, "attempts", call->attempts);
    json_line_number(line, "http_status", call->http_status);
    put_text(line, "error", call->error);
    put_text(line, "forecast", VERDICTS[call->verdict]);
    put_known(line, "served_in_ms", call->verdict == FORECAST_SERVED, call->served_in_ms);
    json_line_close(line, '}');
}

static void put_account(struct json_line *line, const struct snapshot *snapshot)
{
    bool is_known = snapshot->unread >= 0;
    json_line_open(line, "account", '{');
    json_line_number(line, "queued", snapshot->added);
    json_line_number(line, "started", snapshot->started);
    json_line_number(line, "dead", snapshot->dead);
    json_line_number(line, "duplicate", snapshot->duplicate);
    json_line_number(line, "pending", snapshot->pending);
    put_known(line, "unread", is_known, (uint64_t)snapshot->unread);
    if (is_known) {
        json_line_flag(line, "adds_up", snapshot->difference == 0);
    } else {
        json_line_null(line, "adds_up");
    }
    json_line_close(line, '}');
}

static void put_reasons(struct json_line *line, const struct snapshot *snapshot)
{
    static const char DEAD[] = "dead:";
    json_line_open(line, "reasons", '{');
    for (size_t i = 0; i + 1 < snapshot->counts->elements; i += 2) {
        const char *name = snapshot->counts->element[i]->str;
        if (!strncmp(name, DEAD, sizeof DEAD - 1)) {
            json_line_number(line, name + sizeof DEAD - 1,
                             view_number(reply_view_at(snapshot->counts, i + 1)));
        }
    }
    json_line_close(line, '}');
}

static void put_span(struct json_line *line, const struct snapshot_span *span)
{
    uint64_t within = waited_within(&span->waited, SNAPSHOT_ANSWERED_S);
    bool has_waited = span->waited.count > 0;
    if (span->ms == 0) {
        json_line_null(line, "recent");
        return;
    }
    json_line_open(line, "recent", '{');
    json_line_number(line, "span_ms", span->ms);
    json_line_number(line, "started", span->started);
    json_line_number(line, "lost", span->lost);
    put_known(line, "waited_p50_ms", has_waited, waited_percentile_ms(&span->waited, 50));
    put_known(line, "waited_p95_ms", has_waited, waited_percentile_ms(&span->waited, 95));
    json_line_number(line, "answered", span->waited.count);
    json_line_number(line, "answered_within_20s", within);
    put_known(line, "answer_mean_ms", has_waited,
              has_waited ? span->waited.sum_ms / span->waited.count : 0);
    json_line_number(line, "never_connected", span->conversations.never_connected);
    json_line_number(line, "talked", span->conversations.talked);
    put_known(line, "talked_mean_s", span->conversations.talked > 0,
              span->conversations.talked > 0
                  ? span->conversations.talked_s / span->conversations.talked
                  : 0);
    put_known(line, "occupancy_percent", span->conversations.pool_s > 0,
              (conversations_occupancy(&span->conversations) + 5) / 10);
    json_line_close(line, '}');
}

// What a program wrote about itself, if it is JSON on one line.
static void put_program(struct json_line *line, const redisReply *pair)
{
    const struct bytes_view status = reply_view_at(pair, 1);
    struct json_document document;
    if (memchr(status.data, '\n', status.len) || memchr(status.data, '\r', status.len) ||
        json_parse(&document, status)) {
        return;
    }
    json_line_open_element(line);
    json_line_text(line, "id", reply_view_at(pair, 0));
    json_line_raw(line, "status", status);
    json_line_close(line, '}');
    json_release(&document);
}

void snapshot_to_json(const struct snapshot *snapshot, struct json_line *line)
{
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    enum snapshot_level level = snapshot_sentence(snapshot, sentence);
    json_line_number(line, "now_ms", snapshot->now_ms);
    put_text(line, "sentence", sentence);
    put_text(line, "level", snapshot_level_name(level));
    json_line_number(line, "waiting", snapshot->waiting);
    json_line_number(line, "dialouts", snapshot->dialouts);
    json_line_number(line, "workers", snapshot->workers);
    json_line_number(line, "unread_ms", snapshot->unread_ms);
    put_account(line, snapshot);
    put_reasons(line, snapshot);
    put_span(line, &snapshot->span);
    json_line_open(line, "agents", '[');
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        put_agent(line, &snapshot->agents[i]);
    }
    json_line_close(line, ']');
    json_line_open(line, "first", '[');
    for (size_t i = 0; i < snapshot->call_count; i++) {
        put_call(line, snapshot, &snapshot->calls[i]);
    }
    json_line_close(line, ']');
    json_line_open(line, "programs", '[');
    for (size_t i = 0; i < snapshot->programs->elements; i++) {
        put_program(line, snapshot->programs->element[i]);
    }
    json_line_close(line, ']');
    json_line_open(line, "events", '[');
    for (size_t i = 0; i < snapshot->events->elements; i++) {
        json_line_open_element(line);
        event_to_json(snapshot->events->element[i], line);
        json_line_close(line, '}');
    }
    json_line_close(line, ']');
}
