// See latest.h.
#include "latest.h"

#include "loop.h"

static void reply(const struct latest *latest, struct http_request *request)
{
    const struct http_header headers[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
    http_reply(request, 200, bytes_view(&latest->text), headers);
}

void latest_init(struct latest *latest)
{
    *latest = (struct latest){.at_ms = 0};
    bytes_init(&latest->text, LATEST_BYTES_MAX);
}

void latest_release(struct latest *latest)
{
    bytes_release(&latest->text);
}

void latest_take(struct latest *latest, struct bytes_view json)
{
    size_t count = latest->asker_count;
    bytes_clear(&latest->text);
    bytes_append_view(&latest->text, json);
    latest->at_ms = loop_now_ms();
    latest->asker_count = 0;
    for (size_t i = 0; i < count; i++) {
        reply(latest, latest->askers[i]);
    }
}

bool latest_is_fresh(const struct latest *latest)
{
    return latest->text.len > 0 && loop_now_ms() - latest->at_ms < LATEST_FRESH_MS;
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

void latest_append_message(const struct latest *latest, struct bytes *out)
{
    bytes_append_text(out, "event: now\ndata: ");
    bytes_append_view(out, bytes_view(&latest->text));
    bytes_append_text(out, "\n\n");
}
