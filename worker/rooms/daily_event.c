// See daily_event.h.
#include "daily_event.h"

#include "json.h"
#include "redis_reply.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_S 1000.0
#define MILLISECONDS_FROM 100000000000U // as of a signature's timestamp

static const struct {
    const char *type, *name, *about;
} TYPES[] = {
    {"dialin.connected", "connected", "dialin"}, {"dialin.stopped", "ended", "dialin"},
    {"dialin.error", "failed", "dialin"},        {"dialout.answered", "connected", "dialout"},
    {"dialout.stopped", "ended", "dialout"},     {"dialout.error", "failed", "dialout"},
};

const char *daily_event_type(size_t i)
{
    return i < sizeof TYPES / sizeof TYPES[0] ? TYPES[i].type : NULL;
}

static double seconds(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item)   ? item->valuedouble
           : cJSON_IsString(item) ? strtod(item->valuestring, NULL)
                                  : 0;
}

static uint64_t sent_ms_of(struct bytes_view timestamp)
{
    uint64_t number = view_number(timestamp);
    return number >= MILLISECONDS_FROM ? number : number * (uint64_t)MS_PER_S;
}

// How long before its webhook was sent; negative if that is nonsense.
static double lag_of(double happened_s, uint64_t sent_ms)
{
    double lag = (double)sent_ms - happened_s * MS_PER_S;
    return lag >= 0 && lag <= DAILY_EVENT_LAG_MS_MAX ? lag : -1;
}

// Both times are by Daily's clock. `timestamp` is whole seconds: within that second, and if it is
// absent or nonsense, `event_ts` is the better one.
static uint64_t lag_ms(const cJSON *tree, const cJSON *payload, uint64_t sent_ms)
{
    double happened_s = seconds(payload, "timestamp"), event_s = seconds(tree, "event_ts");
    double lag = lag_of(happened_s, sent_ms), event_lag = lag_of(event_s, sent_ms);
    if (lag < 0 || (event_s >= happened_s && event_s < happened_s + 1)) {
        lag = event_lag;
    }
    return lag > 0 ? (uint64_t)lag : 0;
}

static void find_type(struct daily_event *event, const char *type)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (!strcmp(TYPES[i].type, type)) {
            event->name = TYPES[i].name;
            event->about = TYPES[i].about;
        }
    }
}

static bool copy(const cJSON *object, const char *name, char *out, size_t size)
{
    const char *text = json_text(object, name);
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static const char *read_tree(struct daily_event *event, const cJSON *tree, uint64_t sent_ms,
                             uint64_t received_ms)
{
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(tree, "payload");
    const char *type = json_text(tree, "type");
    if (!type) {
        return "it has no type";
    }
    find_type(event, type);
    if (!event->name) {
        return NULL;
    }
    if (!copy(tree, "id", event->id, sizeof event->id)) {
        return "its id is absent, not a text, or too long";
    }
    if (!copy(payload, "room", event->room, sizeof event->room)) {
        return "its room is absent, not a text, or too long";
    }
    if (!strcmp(event->name, "failed")) {
        view_copy(view_of_text(json_text(payload, "error_msg")), event->error, sizeof event->error);
    }
    uint64_t lag = lag_ms(tree, payload, sent_ms);
    event->at_ms = received_ms > lag ? received_ms - lag : received_ms;
    return NULL;
}

bool daily_event_read(struct daily_event *event, struct bytes_view body,
                      struct bytes_view timestamp, uint64_t received_ms, const char **reason)
{
    struct json_document document;
    memset(event, 0, sizeof *event);
    *reason = json_parse(&document, body);
    if (!*reason) {
        *reason = read_tree(event, document.tree, sent_ms_of(timestamp), received_ms);
    }
    if (*reason) {
        event->name = NULL;
    }
    json_release(&document);
    return !*reason;
}
