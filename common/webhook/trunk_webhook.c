// See trunk_webhook.h. The notification is made strict first, and then stands, raw, in a text of
// our own that looks like a dial-in.
#include "trunk_webhook.h"

#include "json_repair.h"
#include "signature.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INCOMING "sip_trunk.incoming"
#define TEST "sip_trunk.test"
#define PREFIX "trunk-"
#define DIGEST_DIGITS 32
#define GROWTH 3           // one bad byte becomes the three of U+FFFD
#define ADDED_BYTES 131072 // room_url, parties and headers stand twice, escaped

static const char *const KNOWN[] = {"type", "event", "room", NULL};

// --- looking ------------------------------------------------------------------------------------

static const cJSON *member_of(const cJSON *object, const char *const *names, bool wants_object)
{
    for (; *names; names++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, *names);
        bool is_fit =
            wants_object ? cJSON_IsObject(value) : cJSON_IsString(value) || cJSON_IsNumber(value);
        if (is_fit) {
            return value;
        }
    }
    return NULL;
}

// In the outermost object, or else in an object within it.
static const cJSON *find(const cJSON *tree, const char *const *names, bool wants_object)
{
    const cJSON *found = member_of(tree, names, wants_object), *member = NULL;
    cJSON_ArrayForEach(member, tree)
    {
        if (!found && cJSON_IsObject(member)) {
            found = member_of(member, names, wants_object);
        }
    }
    return found;
}

static const char *name_of_event(const cJSON *tree)
{
    const char *name = json_text(tree, "type");
    return name ? name : json_text(tree, "event");
}

// --- writing ------------------------------------------------------------------------------------

static bool put_party(struct webhook_repaired *repaired, const char *name, const cJSON *value,
                      struct bytes *out)
{
    char number[32] = "";
    const char *text = cJSON_GetStringValue(value);
    if (cJSON_IsNumber(value)) {
        snprintf(number, sizeof number, "%.0f", value->valuedouble);
    }
    const struct bytes_view whole = view_of_text(text ? text : number);
    const struct bytes_view party = webhook_shortened(whole, WEBHOOK_PARTY_BYTES_MAX);
    if (party.len < whole.len) {
        webhook_add_flaw(repaired, "%s was shortened from %zu to %d bytes", name, whole.len,
                         WEBHOOK_PARTY_BYTES_MAX);
    }
    return bytes_printf(out, "\"%s\":", name) && json_append_text(out, party) &&
           bytes_append_text(out, ",");
}

static bool put_headers(struct webhook_repaired *repaired, const cJSON *headers, struct bytes *out)
{
    const cJSON *header = NULL;
    size_t count = 0;
    bool fits = !headers || bytes_append_text(out, "\"sipHeaders\":{");
    cJSON_ArrayForEach(header, headers)
    {
        if (!cJSON_IsString(header)) {
            webhook_add_flaw(repaired, "a SIP header is not a text");
            continue;
        }
        fits = fits && bytes_append_text(out, count++ > 0 ? "," : "") &&
               json_append_text(out, view_of_text(header->string)) && bytes_append_text(out, ":") &&
               json_append_text(out, view_of_text(header->valuestring));
    }
    return fits && (!headers || bytes_append_text(out, "},"));
}

static bool put_call(struct webhook_repaired *repaired, const cJSON *tree, struct bytes_view body,
                     struct bytes *out)
{
    static const char *const FROM[] = {"from", "From", "sip_from", "from_number", NULL};
    static const char *const TO[] = {"to", "To", "sip_to", "to_number", NULL};
    static const char *const HEADERS[] = {"sip_headers", "sipHeaders", NULL};
    const cJSON *room = cJSON_GetObjectItemCaseSensitive(tree, "room");
    return bytes_append_text(out, "{") &&
           put_party(repaired, "From", find(tree, FROM, false), out) &&
           put_party(repaired, "To", find(tree, TO, false), out) &&
           put_headers(repaired, find(tree, HEADERS, true), out) &&
           bytes_append_text(out, "\"room_url\":") &&
           json_append_text(out, view_of_text(json_text(room, "url"))) &&
           bytes_append_text(out, ",\"sip_trunk\":") && bytes_append_view(out, body) &&
           bytes_append_text(out, "}");
}

// --- refusing -----------------------------------------------------------------------------------

static bool check_room(struct webhook_repaired *repaired, const cJSON *tree)
{
    const cJSON *room = cJSON_GetObjectItemCaseSensitive(tree, "room");
    const cJSON *url = cJSON_GetObjectItemCaseSensitive(room, "url");
    const char *text = cJSON_GetStringValue(url);
    if (text && text[0]) {
        return true;
    }
    if ((room && !cJSON_IsNull(room) && !cJSON_IsObject(room)) ||
        (url && !text && !cJSON_IsNull(url))) {
        return webhook_refuse(repaired, "invalid_field", "room.url must be a string");
    }
    return webhook_refuse(repaired, "missing_fields", "missing or empty: room.url");
}

// Another event of a trunk is not a call: no bot may be started for it.
static bool check_event(struct webhook_repaired *repaired, const cJSON *tree)
{
    const char *name = name_of_event(tree);
    return !name || !strcmp(name, INCOMING) ||
           webhook_refuse(repaired, "invalid_field", "the event is not " INCOMING);
}

// Two rooms must never get one id, so the room is not repaired.
static bool check_identity(struct webhook_repaired *repaired, const struct json_repair *repair)
{
    const struct json_repair_member *room = json_repair_find(repair, "room");
    if (room && room->is_repeated) {
        return webhook_refuse(repaired, "invalid_field", "room is repeated");
    }
    return !room || !(room->flaws & (JSON_FLAW_NUL | JSON_FLAW_UTF8 | JSON_FLAW_SURROGATE)) ||
           webhook_refuse(repaired, "invalid_field", "room is not UTF-8, or has \\u0000 in it");
}

// --- the whole ----------------------------------------------------------------------------------

// Makes strict JSON of the body in `strict`, if it is not.
static bool make_strict(struct webhook_repaired *repaired, struct bytes_view body,
                        struct bytes *strict)
{
    struct json_repair repair;
    const char *problem = json_repair_read(&repair, body, KNOWN);
    bool is_good = problem ? webhook_refuse(repaired, "invalid_json",
                                            "the body is not acceptable JSON: %s", problem)
                           : check_identity(repaired, &repair);
    if (is_good && !json_repair_write(&repair, strict)) {
        is_good = webhook_refuse(repaired, "invalid_json", "the body is too long to be repaired");
    }
    if (is_good) {
        webhook_add_json_flaws(repaired, repair.flaws);
    }
    json_repair_release(&repair);
    return is_good;
}

static bool write_call(struct webhook_repaired *repaired, struct bytes_view strict)
{
    struct json_document notification;
    struct bytes text;
    const char *problem = json_parse(&notification, strict);
    bool is_good = problem ? webhook_refuse(repaired, "invalid_json",
                                            "the body is not acceptable JSON: %s", problem)
                           : check_event(repaired, notification.tree) &&
                                 check_room(repaired, notification.tree);
    bytes_init(&text, 6 * strict.len + ADDED_BYTES);
    if (is_good && !put_call(repaired, notification.tree, strict, &text)) {
        is_good = webhook_refuse(repaired, "invalid_json", "the body is too long");
    }
    json_release(&notification);
    if (!is_good) {
        bytes_release(&text);
        return false;
    }
    return webhook_take_text(repaired, &text);
}

bool trunk_webhook_repair(struct webhook_repaired *repaired, struct bytes_view body)
{
    struct json_document plain;
    struct bytes strict;
    *repaired = (struct webhook_repaired){.is_trunk = true};
    bytes_init(&repaired->text, 0);
    bytes_init(&strict, GROWTH * body.len + ADDED_BYTES);
    bool is_strict = !json_parse(&plain, body);
    json_release(&plain);
    bool is_good = is_strict ? write_call(repaired, body)
                             : make_strict(repaired, body, &strict) &&
                                   write_call(repaired, bytes_view(&strict));
    bytes_release(&strict);
    return is_good;
}

bool trunk_webhook_is_test(struct bytes_view body)
{
    struct json_document document;
    const char *name = json_parse(&document, body) ? NULL : name_of_event(document.tree);
    bool is_test = name && !strcmp(name, TEST);
    json_release(&document);
    return is_test;
}

static bool is_name(struct bytes_view part)
{
    for (size_t i = 0; i < part.len; i++) {
        char c = part.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return part.len > 0;
}

void trunk_webhook_call_id(const char *room_url, char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1])
{
    char digest[SIGNATURE_SHA256_HEX];
    struct bytes_view url = {room_url, strcspn(room_url, "?#")};
    const char *slash = url.len > 0 ? memrchr(url.data, '/', url.len) : NULL;
    const char *begin = slash ? slash + 1 : room_url;
    const struct bytes_view part = {begin, (size_t)(url.data + url.len - begin)};
    if (is_name(part) && part.len <= WEBHOOK_CALL_ID_BYTES_MAX - (sizeof PREFIX - 1)) {
        snprintf(call_id, WEBHOOK_CALL_ID_BYTES_MAX + 1, PREFIX "%.*s", (int)part.len, part.data);
        return;
    }
    signature_sha256(view_of_text(room_url), digest);
    snprintf(call_id, WEBHOOK_CALL_ID_BYTES_MAX + 1, PREFIX "%.*s", DIGEST_DIGITS, digest);
}

bool webhook_repair_entry(struct webhook_repaired *repaired, const struct webhook_entry *entry)
{
    return entry->kind == WEBHOOK_TRUNK ? trunk_webhook_repair(repaired, entry->body)
                                        : webhook_repair(repaired, entry->body, entry->signed_for);
}
