// See call_json.h.
#include "call_json.h"

#include "redis_reply.h"

#include <string.h>

static void add_text(struct json_line *line, const char *name, struct bytes_view text)
{
    if (text.len > 0) {
        json_line_text(line, name, text);
    } else {
        json_line_null(line, name);
    }
}

static void add_if_any(struct json_line *line, const char *name, struct bytes_view text)
{
    if (text.len > 0) {
        json_line_text(line, name, text);
    }
}

static bool is_number(struct bytes_view text)
{
    bool is_digits = text.len > 0 && text.len < 19;
    for (size_t i = 0; i < text.len; i++) {
        is_digits = is_digits && text.data[i] >= '0' && text.data[i] <= '9';
    }
    return is_digits;
}

static void add_number(struct json_line *line, const char *name, struct bytes_view digits)
{
    if (is_number(digits)) {
        json_line_number(line, name, view_number(digits));
    } else {
        json_line_null(line, name);
    }
}

static void on_dialled(const char *number, void *line)
{
    json_line_open_element(line);
    json_line_text(line, "number", view_of_text(number));
    json_line_close(line, '}');
}

void call_to_json(const struct recorded_call *call, uint64_t now_ms, struct json_line *line)
{
    static const char *const TEXTS[] = {"reason",     "agent",    "route", "worker",
                                        "session_id", "room_url", "error"};
    static const char *const NUMBERS[] = {"attempts", "http_status", "started_ms", "updated_ms"};
    static const char *const OF_EVENTS[] = {"connected_ms", "ended_ms", "failed_ms", "talked_s"};
    bool is_own = call->state != RECORDED_DUPLICATE && call->state != RECORDED_UNKNOWN;
    const redisReply *hash = is_own ? call->hash : NULL;
    json_line_text(line, "call_id", view_of_text(call->call_id));
    json_line_text(line, "entry", view_of_text(call->entry));
    json_line_text(line, "state", view_of_text(recorded_state_name(call->state)));
    json_line_text(line, "kind", view_of_text(webhook_kind_name(call->webhook.kind)));
    add_text(line, "from", view_of_text(call->from));
    add_text(line, "to", view_of_text(call->to));
    json_line_number(line, "received_ms", call->received_ms);
    json_line_number(line, "waited_ms", recorded_call_waited_ms(call, now_ms));
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        add_text(line, TEXTS[i], reply_field(hash, TEXTS[i]));
    }
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        add_number(line, NUMBERS[i], reply_field(hash, NUMBERS[i]));
    }
    add_if_any(line, "verdict", reply_field(hash, "verdict"));
    for (size_t i = 0; i < sizeof OF_EVENTS / sizeof OF_EVENTS[0]; i++) {
        if (is_number(reply_field(hash, OF_EVENTS[i]))) {
            add_number(line, OF_EVENTS[i], reply_field(hash, OF_EVENTS[i]));
        }
    }
    if (call->webhook.kind == WEBHOOK_DIALOUT) {
        json_line_open(line, "dials", '[');
        recorded_call_dials(call, on_dialled, line);
        json_line_close(line, ']');
    }
    add_if_any(line, "replay_of", call->webhook.replay_of);
    add_if_any(line, "callback_of", call->webhook.callback_of);
    add_if_any(line, "callback", reply_field(hash, "callback"));
    if (call->flaw || call->repairs[0]) {
        json_line_text(line, "flaw", view_of_text(call->flaw ? call->flaw : call->repairs));
    }
}

void event_to_json(const redisReply *row, struct json_line *line)
{
    static const char *const NUMBERS[] = {"attempt", "at_ms", "http_status", "latency_ms",
                                          "happened_ms"};
    const redisReply *fields = row->element[1];
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const char *name = fields->element[i]->str;
        const struct bytes_view value = reply_view(fields->element[i + 1]);
        bool is_numeric = false;
        for (size_t n = 0; n < sizeof NUMBERS / sizeof NUMBERS[0]; n++) {
            is_numeric = is_numeric || !strcmp(NUMBERS[n], name);
        }
        if (!strcmp(name, "late")) {
            json_line_flag(line, name, true);
        } else if (is_numeric) {
            add_number(line, name, value);
        } else {
            add_text(line, name, value);
        }
    }
}
