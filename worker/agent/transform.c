// See transform.h. The request is appended piece by piece, in the order of CONTRACT's example,
// without a tree of its own. Members that go through unchanged are copied as raw text from the
// webhook, numbers and strings alike, so that no number loses a digit; json_parse() has made sure
// that the raw text is JSON. Only names are read unescaped, since ours and theirs must be compared.
#include "transform.h"

#include "callable_number.h"
#include "json.h"
#include "memory.h"
#include "trunk_webhook.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    struct bytes *out;
    bool fits;
    const struct json_document *body, *room; // of the route; NULL: it merges nothing in
    bool is_callback;
};

static void put(struct writer *writer, const char *text)
{
    writer->fits = writer->fits && bytes_append_text(writer->out, text);
}

static void put_raw(struct writer *writer, struct bytes_view raw)
{
    writer->fits = writer->fits && bytes_append_view(writer->out, raw);
}

static void put_text(struct writer *writer, struct bytes_view text)
{
    writer->fits = writer->fits && json_append_text(writer->out, text);
}

// --- the webhook's fields ---------------------------------------------------------------------

// The raw value of a field; empty if it is absent or null, or `document` is NULL.
static struct bytes_view field(const struct json_document *document, const char *name)
{
    if (!document) {
        return (struct bytes_view){NULL, 0};
    }
    const cJSON *member = document->tree->child;
    for (size_t i = 0; i < document->member_count; i++, member = member->next) {
        if (!strcmp(member->string, name)) {
            return cJSON_IsNull(member) ? (struct bytes_view){NULL, 0} : document->members[i].value;
        }
    }
    return (struct bytes_view){NULL, 0};
}

// Prefers the webhook's value to the route's.
static struct bytes_view field_or(const struct json_document *document, const char *name,
                                  const struct json_document *route)
{
    struct bytes_view value = field(document, name);
    return value.len > 0 ? value : field(route, name);
}

// --- fields that are not ours -----------------------------------------------------------------

// The snake_case names that stand in dialin_settings already. All texts are in `memory`.
struct names {
    char *memory;
    struct bytes_view taken[JSON_MEMBERS_MAX];
    size_t count;
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (!strcmp(name, *names)) {
            return true;
        }
    }
    return false;
}

// `_` before an upper-case letter that follows a lower-case letter or a digit, then lower case.
// `out` needs twice the length of `name` and a byte.
static size_t to_snake_case(const char *name, char *out)
{
    size_t len = 0;
    for (char before = '\0'; *name; before = *name++) {
        bool is_upper = *name >= 'A' && *name <= 'Z';
        bool follows = (before >= 'a' && before <= 'z') || (before >= '0' && before <= '9');
        if (is_upper && follows) {
            out[len++] = '_';
        }
        out[len++] = is_upper ? (char)(*name | 0x20) : *name;
    }
    out[len] = '\0';
    return len;
}

static bool take_name(struct names *names, struct bytes_view name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (view_equal(names->taken[i], name)) {
            return false;
        }
    }
    names->taken[names->count++] = name;
    return true;
}

// --- members merged from a route ----------------------------------------------------------------

static void put_member(struct writer *writer, const struct json_member *member)
{
    put(writer, ",\"");
    put_raw(writer, member->key);
    put(writer, "\":");
    put_raw(writer, member->value);
}

// Appends the members of a route's object, but those that are named in `ours`.
static void put_additions(struct writer *writer, const struct json_document *route,
                          const char *const *ours)
{
    const cJSON *member = route ? route->tree->child : NULL;
    for (size_t i = 0; member; i++, member = member->next) {
        if (!is_one_of(member->string, ours)) {
            put_member(writer, &route->members[i]);
        }
    }
}

static void put_additions_to_sip(struct writer *writer)
{
    static const char *const OURS[] = {"display_name", "sip_mode", "num_endpoints", "codecs", NULL};
    struct json_document sip;
    struct bytes_view raw = field(writer->room, "sip");
    if (raw.len > 0 && !json_parse(&sip, raw)) {
        put_additions(writer, &sip, OURS);
        json_release(&sip);
    }
}

// Under names that neither we nor the webhook have taken.
static void put_additions_to_settings(struct writer *writer, struct names *names)
{
    static const char *const OURS[] = {"From",    "To",          "from",        "to",
                                       "call_id", "call_domain", "sip_headers", NULL};
    struct json_document route;
    struct bytes_view raw = field(writer->body, "dialin_settings");
    if (raw.len == 0 || json_parse(&route, raw)) {
        return;
    }
    const cJSON *member = route.tree->child;
    for (size_t i = 0; i < route.member_count; i++, member = member->next) {
        if (names->count < JSON_MEMBERS_MAX && !is_one_of(member->string, OURS) &&
            take_name(names, view_of_text(member->string))) {
            put_member(writer, &route.members[i]);
        }
    }
    json_release(&route);
}

// --- the webhook's own other fields -------------------------------------------------------------

// `capacity` is twice the length of the webhook: more than all its names can grow to.
static void put_other_fields(struct writer *writer, const struct json_document *document,
                             size_t capacity)
{
    static const char *const USED[] = {"dialout_settings", "voicemail_detection", "call_transfer",
                                       NULL};
    static const char *const OURS[] = {"from",          "to",          "call_id",
                                       "call_domain",   "sip_headers", "daily_api_key",
                                       "daily_api_url", NULL};
    const cJSON *member = document->tree->child;
    struct names names = {.memory = memory_resized(NULL, capacity)};
    char *snake = names.memory;
    for (size_t i = 0; i < document->member_count; i++, member = member->next) {
        struct bytes_view name = {snake, to_snake_case(member->string, snake)};
        if (is_one_of(member->string, USED) || is_one_of(snake, OURS) || !take_name(&names, name)) {
            continue;
        }
        put(writer, ",");
        put_text(writer, name);
        put(writer, ":");
        put_raw(writer, document->members[i].value);
        snake += name.len + 1;
    }
    put_additions_to_settings(writer, &names);
    free(names.memory);
}

// --- the request's parts ----------------------------------------------------------------------

// webhook_repair has left out entries that name nobody to call: a room that may dial out is refused
// by Daily if the account may not, and would cost the caller.
static bool carries_dialout(const struct json_document *document)
{
    return field(document, "dialout_settings").len > 0;
}

static void put_room(struct writer *writer, const struct json_document *document,
                     enum webhook_kind kind, uint64_t expires_s)
{
    static const char *const OURS[] = {"enable_dialout", "exp", "eject_at_room_exp", "sip", NULL};
    struct bytes_view routes = field(writer->room, "enable_dialout");
    bool dials_out = carries_dialout(document) || view_equal_text(routes, "true");
    put(writer, "{\"enable_dialout\":");
    put(writer, dials_out ? "true" : "false");
    writer->fits =
        writer->fits &&
        bytes_printf(writer->out, ",\"exp\":%" PRIu64 ",\"eject_at_room_exp\":false", expires_s);
    if (kind == WEBHOOK_DIALIN) {
        put(writer, ",\"sip\":{\"display_name\":");
        put_raw(writer, field(document, "From"));
        put(writer, ",\"sip_mode\":\"dial-in\",\"num_endpoints\":");
        put(writer, field_or(document, "call_transfer", writer->body).len > 0 ? "2" : "1");
        put(writer, ",\"codecs\":{\"audio\":[\"OPUS\"]}");
        put_additions_to_sip(writer);
        put(writer, "}");
    }
    put_additions(writer, writer->room, OURS);
    put(writer, "}");
}

static void put_dialin_settings(struct writer *writer, const struct json_document *document,
                                size_t webhook_len)
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
    put_other_fields(writer, document, 2 * webhook_len);
    put(writer, "}");
}

// The fields that go through unchanged, and null if they did not come.
static void put_passed_on(struct writer *writer, const struct json_document *document)
{
    static const char *const NAMES[] = {"dialout_settings", "voicemail_detection", "call_transfer"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct bytes_view value = field_or(document, NAMES[i], writer->body);
        put(writer, ",\"");
        put(writer, NAMES[i]);
        put(writer, "\":");
        put_raw(writer, value.len > 0 ? value : VIEW("null"));
    }
    struct bytes_view sip_headers = field(document, "sipHeaders");
    put(writer, ",\"sip_headers\":");
    put_raw(writer, sip_headers.len > 0 ? sip_headers : VIEW("null"));
    if (writer->is_callback) {
        put(writer, ",\"callback\":");
        put_raw(writer, field(document, "callback"));
    }
}

static void put_daily_api(struct writer *writer, const struct transform_settings *settings)
{
    if (settings->daily_api_key) {
        assert(settings->daily_api_url);
        put(writer, ",\"daily_api_key\":");
        put_text(writer, view_of_text(settings->daily_api_key));
        put(writer, ",\"daily_api_url\":");
        put_text(writer, view_of_text(settings->daily_api_url));
    }
}

// Those that are not ours this time are the route's: without a key, a trunk or a call back.
static void put_additions_to_body(struct writer *writer, bool has_key, bool is_trunk)
{
    const char *ours[] = {"dialin_settings",
                          "dialout_settings",
                          "voicemail_detection",
                          "call_transfer",
                          "sip_headers",
                          has_key ? "daily_api_key" : "sip_headers",
                          has_key ? "daily_api_url" : "sip_headers",
                          is_trunk ? "sip_trunk" : "sip_headers",
                          is_trunk ? "room_url" : "sip_headers",
                          writer->is_callback ? "callback" : "sip_headers",
                          NULL};
    put_additions(writer, writer->body, ours);
}

// --- the whole --------------------------------------------------------------------------------

static const char *missing_field(const struct webhook_repaired *webhook, enum webhook_kind kind)
{
    if (kind == WEBHOOK_DIALOUT) {
        return webhook->has_dialout ? NULL : "dialout_settings names nobody to call";
    }
    if (kind == WEBHOOK_TRUNK) {
        return webhook->is_trunk ? NULL : "it is not the notification of a trunk";
    }
    return webhook->is_dialin ? NULL : "callId and callDomain must be strings that are not empty";
}

static const char *write_request(struct writer *writer, const struct webhook_entry *entry,
                                 const struct webhook_repaired *webhook,
                                 const struct transform_settings *settings, uint64_t expires_s)
{
    const struct json_document *document = &webhook->document;
    const char *problem = missing_field(webhook, entry->kind);
    if (problem) {
        return problem;
    }
    bool is_trunk = entry->kind == WEBHOOK_TRUNK; // its room is there already
    put(writer, is_trunk ? "{\"createDailyRoom\":false"
                         : "{\"createDailyRoom\":true,\"dailyRoomProperties\":");
    if (!is_trunk) {
        put_room(writer, document, entry->kind, expires_s);
    }
    put(writer, ",\"body\":{\"dialin_settings\":");
    if (entry->kind == WEBHOOK_DIALIN) {
        put_dialin_settings(writer, document, entry->body.len + webhook->text.len);
    } else {
        put(writer, "null");
    }
    put_passed_on(writer, document);
    if (is_trunk) {
        put(writer, ",\"sip_trunk\":");
        put_raw(writer, field(document, "sip_trunk"));
        put(writer, ",\"room_url\":");
        put_raw(writer, field(document, "room_url"));
    }
    put_daily_api(writer, settings);
    put_additions_to_body(writer, settings->daily_api_key != NULL, is_trunk);
    put(writer, "}}");
    return writer->fits ? NULL : "the start request would be longer than 1 MiB";
}

void transform_facts_release(struct transform_facts *facts)
{
    free(facts->from);
    free(facts->to);
    free(facts->room_url);
    free(facts->dialled);
    free(facts->flaw);
    free(facts->problem);
    *facts = (struct transform_facts){0};
}

static void set_facts(struct transform_facts *facts, const struct webhook_repaired *webhook,
                      const char *problem)
{
    const char *from = json_text(webhook->document.tree, "From");
    const char *to = json_text(webhook->document.tree, "To");
    const char *room = webhook->is_trunk ? json_text(webhook->document.tree, "room_url") : NULL;
    struct bytes dialled;
    bytes_init(&dialled, CALLABLE_NUMBERS_MAX * (PHONE_DIGITS_MAX + 1));
    callable_numbers_of_dialout(
        cJSON_GetObjectItemCaseSensitive(webhook->document.tree, "dialout_settings"), &dialled);
    transform_facts_release(facts);
    facts->from = memory_text(from ? from : "");
    facts->to = memory_text(to ? to : "");
    facts->room_url = memory_text(room ? room : "");
    facts->dialled = memory_text(bytes_text(&dialled));
    facts->flaw = memory_text(webhook->flaw);
    facts->problem = memory_text(problem ? problem : "");
    bytes_release(&dialled);
}

const char *transform_repaired(const struct webhook_entry *entry,
                               const struct webhook_repaired *webhook,
                               const struct transform_settings *settings, uint64_t expires_s,
                               struct bytes *request, struct transform_facts *facts)
{
    bool is_callback = entry->callback_of.len > 0;
    struct writer writer = {request, true, settings->body, settings->room, is_callback};
    size_t len_before = request->len;
    const char *problem = webhook->code
                              ? webhook->sentence
                              : write_request(&writer, entry, webhook, settings, expires_s);
    set_facts(facts, webhook, problem);
    if (problem && request->data) {
        request->len = len_before;
        request->data[len_before] = '\0';
    }
    return problem ? facts->problem : NULL;
}

const char *transform(const struct webhook_entry *entry, const struct transform_settings *settings,
                      uint64_t expires_s, struct bytes *request, struct transform_facts *facts)
{
    struct webhook_repaired webhook;
    webhook_repair_entry(&webhook, entry);
    const char *problem = transform_repaired(entry, &webhook, settings, expires_s, request, facts);
    webhook_repair_release(&webhook);
    return problem;
}
