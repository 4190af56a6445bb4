// See latest.h.
#include "latest.h"

#include "loop.h"

#define BEFORE "event: now\ndata: "
#define AFTER "\n\n"

static struct bytes_view json_of(const struct latest *latest)
{
    return (struct bytes_view){latest->message.data + sizeof BEFORE - 1,
                               latest->message.len - (sizeof BEFORE - 1) - (sizeof AFTER - 1)};
}

static void reply(const struct latest *latest, struct http_request *request)
{
    const struct http_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
    http_reply(request, 200, json_of(latest), headers);
}

void latest_init(struct latest *latest)
{
    *latest = (struct latest){.at_ms = 0};
    bytes_init(&latest->message, LATEST_BYTES_MAX + sizeof BEFORE + sizeof AFTER);
}

void latest_release(struct latest *latest)
{
    bytes_release(&latest->message);
}

void latest_take(struct latest *latest, struct bytes_view json)
{
    size_t count = latest->asker_count;
    bytes_clear(&latest->message);
    bytes_append_view(&latest->message, VIEW(BEFORE));
    bytes_append_view(&latest->message, json);
    bytes_append_view(&latest->message, VIEW(AFTER));
    latest->at_ms = loop_now_ms();
    latest->asker_count = 0;
    for (size_t i = 0; i < count; i++) {
        reply(latest, latest->askers[i]);
    }
}

bool latest_is_fresh(const struct latest *latest)
{
    return latest->message.len > 0 && loop_now_ms() - latest->at_ms < LATEST_FRESH_MS;
}

bool latest_answer(struct latest *latest, struct http_request *request)
{
    if (latest_is_fresh(latest)) {
        reply(latest, request);
        return false;
    }
    if (latest->asker_count == LATEST_ASKERS_MAX) {
        http_refuse(request, 503, "busy", "too many requests wait for the snapshot", 1);
        return false;
    }
    latest->askers[latest->asker_count++] = request;
    return true;
}
