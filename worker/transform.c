// See transform.h. The request is appended piece by piece, in the order of CONTRACT's example. What
// goes through as it came is copied as raw text from the webhook, so that no number loses a digit.
#include "transform.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 256

struct writer {
    struct bytes *out;
    bool fits;
};

static void put(struct writer *writer, const char *text)
{
    writer->fits = writer->fits && bytes_append_text(writer->out, text);
}

static void put_raw(struct writer *writer, struct bytes_view raw)
{
    writer->fits = writer->fits && bytes_append_view(writer->out, raw);
}

static void put_text(struct writer *writer, const char *text)
{
    writer->fits = writer->fits && json_append_text(writer->out, view_of_text(text));
}

// --- the webhook's fields ---------------------------------------------------------------------

// The raw value of a field; empty where it is absent or null.
static struct bytes_view field(const struct json_document *document, const char *name)
{
    const cJSON *member = document->tree->child;
    for (size_t i = 0; i < document->member_count; i++, member = member->next) {
        if (!strcmp(member->string, name)) {
            return cJSON_IsNull(member) ? (struct bytes_view){NULL, 0} : document->members[i].value;
        }
    }
    return (struct bytes_view){NULL, 0};
}

static struct bytes_view or_null(struct bytes_view value)
{
    return value.len > 0 ? value : VIEW("null");
}

// `_` before an upper-case letter that follows a lower-case letter or a digit, then lower case.
static void to_snake_case(const char *name, char out[NAME_BYTES_MAX])
{
    size_t len = 0;
    char before = '\0';
    for (; *name && len + 2 < NAME_BYTES_MAX; before = *name++) {
        bool is_upper = *name >= 'A' && *name <= 'Z';
        bool follows = (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9');
        if (is_upper && follows) {
            out[len++] = '_';
        }
        out[len++] = is_upper ? (char)(*name | 0x20) : *name;
    }
    out[len] = '\0';
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (!strcmp(name, *names)) {
            return true;
        }
    }
    return false;
}

// Is the snake_case name of member `index` taken: by one of ours, or by an earlier member?
static bool is_taken(const struct json_document *document, size_t index, const char *snake)
{
    static const char *const OURS[] = {
        "From",          "To",          "from",        "to",
        "call_id",       "call_domain", "sip_headers", "daily_api_key",
        "daily_api_url", NULL};
    static const char *const USED[] = {"From",
                                       "To",
                                       "callId",
                                       "callDomain",
                                       "sipHeaders",
                                       "dialout_settings",
                                       "voicemail_detection",
                                       "call_transfer",
                                       NULL};
    const cJSON *member = document->tree->child;
    char other[NAME_BYTES_MAX];
    if (is_one_of(snake, OURS)) {
        return true;
    }
    for (size_t i = 0; i < index; i++, member = member->next) {
        to_snake_case(member->string, other);
        if (!is_one_of(member->string, USED) && !strcmp(other, snake)) {
            return true;
        }
    }
    return is_one_of(member->string, USED);
}

static void put_other_fields(struct writer *writer, const struct json_document *document)
{
    const cJSON *member = document->tree->child;
    char snake[NAME_BYTES_MAX];
    for (size_t i = 0; i < document->member_count; i++, member = member->next) {
        to_snake_case(member->string, snake);
        if (!is_taken(document, i, snake)) {
            put(writer, ",");
            put_text(writer, snake);
            put(writer, ":");
            put_raw(writer, document->members[i].value);
        }
    }
}

// --- the request's parts ----------------------------------------------------------------------

static bool carries_dialout(const struct json_document *document)
{
    const cJSON *dialout = cJSON_GetObjectItemCaseSensitive(document->tree, "dialout_settings");
    return cJSON_GetArraySize(dialout) > 0;
}

static void put_room(struct writer *writer, const struct json_document *document,
                     enum webhook_kind kind, uint64_t expires_s)
{
    char text[128];
    snprintf(text, sizeof text, "{\"enable_dialout\":%s,\"exp\":%llu,\"eject_at_room_exp\":false",
             carries_dialout(document) ? "true" : "false", (unsigned long long)expires_s);
    put(writer, text);
    if (kind == WEBHOOK_DIALIN) {
        put(writer, ",\"sip\":{\"display_name\":");
        put_raw(writer, field(document, "From"));
        put(writer, ",\"sip_mode\":\"dial-in\",\"num_endpoints\":");
        put(writer, field(document, "call_transfer").len > 0 ? "2" : "1");
        put(writer, ",\"codecs\":{\"audio\":[\"OPUS\"]}}");
    }
    put(writer, "}");
}

static void put_dialin_settings(struct writer *writer, const struct json_document *document)
{
    static const struct {
        const char *ours, *theirs;
    } NAMES[] = {
        {"{\"From\":", "From"}, {",\"To\":", "To"},          {",\"from\":", "From"},
        {",\"to\":", "To"},     {",\"call_id\":", "callId"}, {",\"call_domain\":", "callDomain"},
    };
    struct bytes_view sip_headers = field(document, "sipHeaders");
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        put(writer, NAMES[i].ours);
        put_raw(writer, field(document, NAMES[i].theirs));
    }
    if (sip_headers.len > 0) {
        put(writer, ",\"sip_headers\":");
        put_raw(writer, sip_headers);
    }
    put_other_fields(writer, document);
    put(writer, "}");
}

static void put_body(struct writer *writer, const struct json_document *document,
                     enum webhook_kind kind, const struct transform_settings *settings)
{
    put(writer, "{\"dialin_settings\":");
    if (kind == WEBHOOK_DIALIN) {
        put_dialin_settings(writer, document);
    } else {
        put(writer, "null");
    }
    put(writer, ",\"dialout_settings\":");
    put_raw(writer, or_null(field(document, "dialout_settings")));
    put(writer, ",\"voicemail_detection\":");
    put_raw(writer, or_null(field(document, "voicemail_detection")));
    put(writer, ",\"call_transfer\":");
    put_raw(writer, or_null(field(document, "call_transfer")));
    put(writer, ",\"sip_headers\":");
    put_raw(writer, or_null(field(document, "sipHeaders")));
    if (settings->daily_api_key) {
        put(writer, ",\"daily_api_key\":");
        put_text(writer, settings->daily_api_key);
        put(writer, ",\"daily_api_url\":");
        put_text(writer, settings->daily_api_url);
    }
    put(writer, "}");
}

static const char *missing_field(const struct json_document *document, enum webhook_kind kind)
{
    static const char *const NEEDED[] = {"From", "To", "callId", "callDomain"};
    for (size_t i = 0; i < sizeof NEEDED / sizeof NEEDED[0] && kind == WEBHOOK_DIALIN; i++) {
        if (!json_text(document->tree, NEEDED[i])) {
            return "From, To, callId and callDomain must be strings";
        }
    }
    if (kind == WEBHOOK_DIALOUT && field(document, "dialout_settings").len == 0) {
        return "dialout_settings is missing";
    }
    return NULL;
}

const char *transform(const struct webhook_entry *entry, const struct transform_settings *settings,
                      uint64_t expires_s, struct bytes *request, struct transform_facts *facts)
{
    struct json_document document;
    struct writer writer = {request, true};
    const char *problem = json_parse(&document, entry->body);
    if (problem) {
        return problem;
    }
    const char *from = json_text(document.tree, "From");
    const char *to = json_text(document.tree, "To");
    snprintf(facts->from, sizeof facts->from, "%s", from ? from : "");
    snprintf(facts->to, sizeof facts->to, "%s", to ? to : "");
    problem = missing_field(&document, entry->kind);
    if (!problem) {
        put(&writer, "{\"createDailyRoom\":true,\"dailyRoomProperties\":");
        put_room(&writer, &document, entry->kind, expires_s);
        put(&writer, ",\"body\":");
        put_body(&writer, &document, entry->kind, settings);
        put(&writer, "}");
        problem = writer.fits ? NULL : "the start request would be longer than 1 MB";
    }
    json_release(&document);
    return problem;
}
