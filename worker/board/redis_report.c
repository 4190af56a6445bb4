// See redis_report.h. Numbers become numbers; every other line of INFO stays here.
#include "redis_report.h"

#include "board.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES 128
#define REPORT_BYTES_MAX 4096

static const char *const SHOWN[] = {
    "redis_version",     "role",
    "connected_slaves",  "uptime_in_seconds",
    "used_memory",       "maxmemory",
    "aof_enabled",       "aof_last_write_status",
    "connected_clients", "maxmemory_policy",
};

// The value of a line `name:value`; empty if INFO has none.
static struct bytes_view value_of(const char *info, const char *name)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "\n%s:", name);
    const char *found = strstr(info, line);
    const char *value = found ? found + strlen(line) : "";
    return (struct bytes_view){value, strcspn(value, "\r\n")};
}

static bool is_number(struct bytes_view value)
{
    size_t digits = 0;
    while (digits < value.len && value.data[digits] >= '0' && value.data[digits] <= '9') {
        digits++;
    }
    return digits > 0 && digits == value.len && digits < 16 &&
           (digits == 1 || value.data[0] != '0');
}

static void append_line(struct bytes *out, const char *info, const char *name)
{
    const struct bytes_view value = value_of(info, name);
    if (value.len == 0) {
        return;
    }
    bytes_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    if (is_number(value)) {
        bytes_append_view(out, value);
    } else {
        json_append_text(out, value);
    }
}

static void on_info(const redisReply *reply, void *arg)
{
    struct http_request *request = arg;
    const struct bytes_view info = reply_view(reply);
    struct bytes out;
    if (info.len == 0) {
        http_refuse(request, 503, "record_unavailable",
                    reply_is_error(reply) ? reply->str : "Redis did not answer", 1);
        return;
    }
    bytes_init(&out, REPORT_BYTES_MAX);
    bytes_append_text(&out, "{");
    for (size_t i = 0; i < sizeof SHOWN / sizeof SHOWN[0]; i++) {
        append_line(&out, info.data, SHOWN[i]);
    }
    bytes_append_text(&out, "}");
    board_reply(request, bytes_view(&out));
    bytes_release(&out);
}

void redis_report_answer(struct redis *redis, struct http_request *request)
{
    const struct bytes_view argv[] = {VIEW("INFO")};
    if (!redis_send(redis, 1, argv, on_info, request)) {
        http_refuse(request, 503, "record_unavailable", "Redis is away", 1);
    }
}
