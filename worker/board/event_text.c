// See event_text.h.
#include "event_text.h"

#include "json.h"
#include "mask.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_BYTES_MAX 200

static void append_member(struct bytes *out, const char *name, struct bytes_view value,
                          bool is_text)
{
    if (value.len == 0) {
        return;
    }
    bytes_printf(out, ",\"%s\":", name);
    if (is_text) {
        json_append_text(out, value);
    } else {
        bytes_append_view(out, value);
    }
}

static void append_masked(struct bytes *out, const char *name, struct bytes_view value)
{
    struct bytes masked;
    if (value.len > ERROR_BYTES_MAX) {
        value.len = ERROR_BYTES_MAX;
    }
    bytes_init(&masked, EVENT_TEXT_BYTES_MAX);
    mask_text(value, &masked);
    append_member(out, name, bytes_view(&masked), true);
    bytes_release(&masked);
}

static bool is_number(struct bytes_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
    }
    return value.len > 0 && value.len < 16 && (value.len == 1 || value.data[0] != '0');
}

bool event_text_append(const redisReply *row, const char *prefix, struct bytes *out)
{
    static const char *const MASKED[] = {"call_id", "event", "agent", "reason", "error"};
    static const char *const NUMBERS[] = {"attempt", "at_ms", "http_status", "latency_ms"};
    const redisReply *fields = row->element[1];
    const struct bytes_view id = reply_view(row->element[0]);
    const struct bytes_view entry = reply_field(fields, "entry");
    size_t before = out->len;
    if (!prefix) {
        bytes_printf(out, "id: %.*s\n", (int)id.len, id.data);
    }
    bytes_printf(out, "event: event\ndata: {\"id\":\"%.*s\"", (int)id.len, id.data);
    append_member(out, "prefix", view_of_text(prefix ? prefix : ""), true);
    append_member(out, "entry", entry, true);
    for (size_t i = 0; i < sizeof MASKED / sizeof MASKED[0]; i++) {
        append_masked(out, MASKED[i], reply_field(fields, MASKED[i]));
    }
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        const struct bytes_view value = reply_field(fields, NUMBERS[i]);
        append_member(out, NUMBERS[i], is_number(value) ? value : VIEW(""), false);
    }
    if (reply_field(fields, "late").len > 0) {
        bytes_append_text(out, ",\"late\":true");
    }
    bool fits = bytes_append_text(out, "}\n\n");
    if (!fits) {
        out->len = before;
    }
    return fits;
}
