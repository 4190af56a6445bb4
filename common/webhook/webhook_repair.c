// See webhook_repair.h. Most webhooks pass both looks, at the JSON and at the fields, and nothing
// is copied. Of others the JSON is repaired first, into a text, and then the fields, into another;
// each is parsed strictly again.
#include "webhook_repair.h"

#include "json_repair.h"
#include "utf8.h"
#include "webhook_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GROWTH 3          // one bad byte becomes the three of U+FFFD
#define ADDED_BYTES 16384 // From, To and their names, escaped

// Kept of a webhook with too many members: whatever the transformation knows by name.
static const char *const KNOWN[] = {"To",
                                    "From",
                                    "callId",
                                    "callDomain",
                                    "sipHeaders",
                                    "dialout_settings",
                                    "voicemail_detection",
                                    "call_transfer",
                                    "idempotency_key",
                                    NULL};

// Each sentence once: many SIP headers may have the same flaw.
void webhook_add_flaw(struct webhook_repaired *repaired, const char *format, ...)
{
    char sentence[128];
    size_t len = strlen(repaired->flaw);
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (!strstr(repaired->flaw, sentence)) {
        snprintf(repaired->flaw + len, sizeof repaired->flaw - len, "%s%s", len > 0 ? "; " : "",
                 sentence);
    }
}

bool webhook_refuse(struct webhook_repaired *repaired, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(repaired->sentence, sizeof repaired->sentence, format, args);
    va_end(args);
    repaired->code = code;
    return false;
}

static const cJSON *field(const struct webhook_repaired *repaired, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(repaired->document.tree, name);
    return cJSON_IsNull(value) ? NULL : value;
}

// --- flaws of the JSON --------------------------------------------------------------------------

void webhook_add_json_flaws(struct webhook_repaired *repaired, unsigned flaws)
{
    static const struct {
        enum json_flaw bit;
        const char *sentence;
    } SENTENCES[] = {
        {JSON_FLAW_UTF8, "bytes that are not UTF-8 became U+FFFD"},
        {JSON_FLAW_SURROGATE, "half a surrogate pair became U+FFFD"},
        {JSON_FLAW_NUL, "\\u0000 was dropped"},
        {JSON_FLAW_NUMBER, "a number longer than 63 characters became a text"},
        {JSON_FLAW_REPEATED, "of a repeated field the first counts"},
        {JSON_FLAW_MEMBERS, "of more than 256 fields only the known ones were kept"},
    };
    for (size_t i = 0; i < sizeof SENTENCES / sizeof SENTENCES[0]; i++) {
        if (flaws & SENTENCES[i].bit) {
            webhook_add_flaw(repaired, "%s", SENTENCES[i].sentence);
        }
    }
}

// Two ids must never collide, so the fields that identify the call are not repaired.
static bool check_identity(struct webhook_repaired *repaired, const struct json_repair *repair)
{
    static const char *const NAMES[] = {"callId", "callDomain"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const struct json_repair_member *member = json_repair_find(repair, NAMES[i]);
        if (member && member->is_repeated) {
            return webhook_refuse(repaired, "invalid_field", "%s is repeated", NAMES[i]);
        }
        if (member && member->flaws & JSON_FLAW_NUL) {
            return webhook_refuse(repaired, "invalid_field", "%s has \\u0000 in it", NAMES[i]);
        }
    }
    return true;
}

// Parses `text` strictly, and keeps it.
bool webhook_take_text(struct webhook_repaired *repaired, struct bytes *text)
{
    json_release(&repaired->document);
    bytes_release(&repaired->text);
    repaired->text = *text;
    const char *problem = json_parse(&repaired->document, bytes_view(&repaired->text));
    return !problem ||
           webhook_refuse(repaired, "invalid_json", "the body is not acceptable JSON: %s", problem);
}

static bool repair_json(struct webhook_repaired *repaired, struct bytes_view body)
{
    struct json_repair repair;
    struct bytes text;
    bytes_init(&text, GROWTH * body.len + ADDED_BYTES);
    const char *problem = json_repair_read(&repair, body, KNOWN);
    bool is_good = problem ? webhook_refuse(repaired, "invalid_json",
                                            "the body is not acceptable JSON: %s", problem)
                           : check_identity(repaired, &repair);
    if (is_good && !json_repair_write(&repair, &text)) {
        is_good = webhook_refuse(repaired, "invalid_json", "the body is too long to be repaired");
    }
    if (is_good) {
        webhook_add_json_flaws(repaired, repair.flaws);
        is_good = webhook_take_text(repaired, &text);
    } else {
        bytes_release(&text);
    }
    json_repair_release(&repair);
    return is_good;
}

// --- flaws of the fields ------------------------------------------------------------------------

bool webhook_dialout_is_usable(const cJSON *settings)
{
    static const char *const NAMES[] = {"phone_number", "phoneNumber", "sip_uri", "sipUri"};
    if (cJSON_IsArray(settings)) {
        return cJSON_GetArraySize(settings) > 0;
    }
    for (size_t i = 0; cJSON_IsObject(settings) && i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *text = json_text(settings, NAMES[i]);
        if (text && text[0]) {
            return true;
        }
    }
    return false;
}

static bool is_good_party(const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    return text && text[0] && strlen(text) <= WEBHOOK_PARTY_BYTES_MAX;
}

static bool are_good_headers(const cJSON *headers)
{
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, headers)
    {
        if (!cJSON_IsString(header)) {
            return false;
        }
    }
    return !headers || cJSON_IsObject(headers);
}

static bool are_good_fields(const struct webhook_repaired *repaired, struct bytes_view signed_for)
{
    const cJSON *dialout = field(repaired, "dialout_settings");
    bool has_parties =
        is_good_party(field(repaired, "From")) && is_good_party(field(repaired, "To"));
    bool is_good_dialout = !dialout || (webhook_dialout_is_usable(dialout) && signed_for.len == 0);
    return are_good_headers(field(repaired, "sipHeaders")) &&
           (!repaired->is_dialin || (has_parties && is_good_dialout));
}

// The raw text of a field; empty if it is absent.
static struct bytes_view raw_field(const struct webhook_repaired *repaired, const char *name)
{
    const cJSON *member = repaired->document.tree->child;
    for (size_t i = 0; member; i++, member = member->next) {
        if (!strcmp(member->string, name)) {
            return repaired->document.members[i].value;
        }
    }
    return (struct bytes_view){NULL, 0};
}

// Cuts before a UTF-8 sequence, not within it.
struct bytes_view webhook_shortened(struct bytes_view text, size_t bytes_max)
{
    size_t len = text.len < bytes_max ? text.len : bytes_max;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return (struct bytes_view){text.data, len};
}

// From and To: a text, a number as it stands, or the substitute if there is neither.
static bool write_party(struct webhook_repaired *repaired, const char *name,
                        struct bytes_view stand_in, struct bytes *out)
{
    const cJSON *value = field(repaired, name);
    const char *text = cJSON_GetStringValue(value);
    struct bytes_view party = view_of_text(text);
    if (cJSON_IsNumber(value)) {
        party = raw_field(repaired, name);
        webhook_add_flaw(repaired, "%s is not a text", name);
    } else if (value && !text) {
        webhook_add_flaw(repaired, "%s is neither a text nor a number", name);
    }
    if (party.len > WEBHOOK_PARTY_BYTES_MAX) {
        webhook_add_flaw(repaired, "%s was shortened from %zu to %d bytes", name, party.len,
                         WEBHOOK_PARTY_BYTES_MAX);
        party = webhook_shortened(party, WEBHOOK_PARTY_BYTES_MAX);
    }
    if (party.len == 0) {
        party = stand_in;
    }
    return bytes_printf(out, "\"%s\":", name) && json_append_text(out, party);
}

// The elements of a list that are texts, numbers or booleans, joined; false if there are none.
static bool join(struct bytes_view list, struct bytes *joined)
{
    struct bytes_view element;
    bool has_any = false;
    while (json_take_element(&list, &element)) {
        if (memchr("{[n", element.data[0], 3)) {
            continue;
        }
        bool is_text = element.data[0] == '"';
        const struct bytes_view inner = {element.data + 1, element.len - 2};
        bool fits =
            bytes_append_text(joined, has_any ? ", " : "") &&
            (is_text ? json_repair_decode(inner, joined) : bytes_append_view(joined, element));
        has_any = has_any || fits;
    }
    return has_any;
}

// A header's value as a text into `text`; false if it has none.
static bool read_header(struct webhook_repaired *repaired, struct bytes_view value,
                        struct bytes *text)
{
    switch (value.data[0]) {
    case '"':
        return json_repair_decode((struct bytes_view){value.data + 1, value.len - 2}, text);
    case '[':
        webhook_add_flaw(repaired, "a SIP header is a list");
        return join(value, text);
    case '{':
    case 'n':
        webhook_add_flaw(repaired, "a SIP header is neither a text nor a number");
        return false;
    default:
        webhook_add_flaw(repaired, "a SIP header is not a text");
        return bytes_append_view(text, value);
    }
}

static bool write_headers(struct webhook_repaired *repaired, struct bytes *out)
{
    struct json_repair headers;
    struct bytes text;
    size_t count = 0;
    const struct bytes_view raw = raw_field(repaired, "sipHeaders");
    bool fits =
        !json_repair_read(&headers, raw, NULL) && bytes_append_text(out, "\"sipHeaders\":{");
    bytes_init(&text, GROWTH * raw.len + 1);
    for (size_t i = 0; i < headers.count && fits; i++) {
        bytes_clear(&text);
        if (read_header(repaired, headers.members[i].value, &text)) {
            fits = bytes_append_text(out, count++ > 0 ? "," : "") &&
                   json_append_text(out, json_repair_key(&headers, i)) &&
                   bytes_append_text(out, ":") && json_append_text(out, bytes_view(&text));
        }
    }
    bytes_release(&text);
    json_repair_release(&headers);
    return fits && bytes_append_text(out, "}");
}

static bool write_parties(struct webhook_repaired *repaired, struct bytes_view signed_for,
                          struct bytes *out)
{
    const cJSON *to = field(repaired, "To");
    const char *text = cJSON_GetStringValue(to);
    if (!to || (text && !text[0])) {
        webhook_add_flaw(repaired, "To is absent%s",
                         signed_for.len > 0 ? ": the number of the secret stands in for it" : "");
    }
    return write_party(repaired, "From", VIEW(WEBHOOK_WITHHELD), out) &&
           bytes_append_text(out, ",") && write_party(repaired, "To", signed_for, out);
}

// The fields that this file writes itself.
static bool is_rewritten(const struct webhook_repaired *repaired, const char *name)
{
    return !strcmp(name, "sipHeaders") ||
           (repaired->is_dialin &&
            (!strcmp(name, "From") || !strcmp(name, "To") || !strcmp(name, "dialout_settings")));
}

static bool is_known(const char *name)
{
    size_t i = 0;
    while (KNOWN[i] && strcmp(KNOWN[i], name) != 0) {
        i++;
    }
    return KNOWN[i] != NULL;
}

// Appends the members that stay as they are: those with known names, or those with others.
static bool write_others(struct webhook_repaired *repaired, bool known, size_t *count,
                         struct bytes *out)
{
    const cJSON *member = repaired->document.tree->child;
    bool fits = true;
    for (size_t i = 0; member && fits; i++, member = member->next) {
        const struct json_member *raw = &repaired->document.members[i];
        if (is_known(member->string) != known || is_rewritten(repaired, member->string)) {
            continue;
        }
        if (*count == JSON_MEMBERS_MAX) {
            webhook_add_json_flaws(repaired, JSON_FLAW_MEMBERS);
            break;
        }
        fits = bytes_append_text(out, (*count)++ > 0 ? ",\"" : "\"") &&
               bytes_append_view(out, raw->key) && bytes_append_text(out, "\":") &&
               bytes_append_view(out, raw->value);
    }
    return fits;
}

static bool write_dialout(struct webhook_repaired *repaired, struct bytes_view signed_for,
                          size_t *count, struct bytes *out)
{
    const cJSON *dialout = field(repaired, "dialout_settings");
    if (!dialout || !repaired->is_dialin) {
        return true;
    }
    if (!webhook_dialout_is_usable(dialout)) {
        bool is_empty = (cJSON_IsArray(dialout) || cJSON_IsObject(dialout)) && !dialout->child;
        webhook_add_flaw(repaired, is_empty ? "dialout_settings is empty"
                                            : "dialout_settings names nobody to call");
        return true;
    }
    if (signed_for.len > 0) {
        webhook_add_flaw(repaired,
                         "dialout_settings was left out: a secret for one number allows none");
        return true;
    }
    ++*count;
    return bytes_append_text(out, ",\"dialout_settings\":") &&
           bytes_append_view(out, raw_field(repaired, "dialout_settings"));
}

static bool write_fields(struct webhook_repaired *repaired, struct bytes_view signed_for,
                         struct bytes *out)
{
    size_t count = 0;
    const cJSON *headers = field(repaired, "sipHeaders");
    bool fits = bytes_append_text(out, "{");
    if (repaired->is_dialin) {
        fits = fits && write_parties(repaired, signed_for, out);
        count = 2;
    }
    fits = fits && write_dialout(repaired, signed_for, &count, out);
    if (headers && !cJSON_IsObject(headers)) {
        webhook_add_flaw(repaired, "sipHeaders is not an object");
    } else if (headers) {
        fits =
            fits && bytes_append_text(out, count++ > 0 ? "," : "") && write_headers(repaired, out);
    }
    return fits && write_others(repaired, true, &count, out) &&
           write_others(repaired, false, &count, out) && bytes_append_text(out, "}");
}

static bool repair_fields(struct webhook_repaired *repaired, struct bytes_view body,
                          struct bytes_view signed_for)
{
    struct bytes text;
    bytes_init(&text, 2 * GROWTH * body.len + ADDED_BYTES);
    if (!write_fields(repaired, signed_for, &text)) {
        bytes_release(&text);
        return webhook_refuse(repaired, "invalid_json", "the body is too long to be repaired");
    }
    return webhook_take_text(repaired, &text);
}

// --- errors that are refused --------------------------------------------------------------------

static bool check_call(struct webhook_repaired *repaired)
{
    static const char *const NAMES[] = {"callId", "callDomain"};
    char missing[64] = "";
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const cJSON *value = field(repaired, NAMES[i]);
        const char *text = cJSON_GetStringValue(value);
        if (value && !text) {
            return webhook_refuse(repaired, "invalid_field", "%s must be a string", NAMES[i]);
        }
        if (!text || !text[0]) {
            size_t len = strlen(missing);
            snprintf(missing + len, sizeof missing - len, "%s%s", len > 0 ? ", " : "", NAMES[i]);
        }
    }
    if (missing[0]) {
        return webhook_refuse(repaired, "missing_fields", "missing or empty: %s", missing);
    }
    const char *call_id = json_text(repaired->document.tree, "callId");
    if (strlen(call_id) > WEBHOOK_CALL_ID_BYTES_MAX) {
        return webhook_refuse(repaired, "invalid_field", "callId is longer than %d bytes",
                              WEBHOOK_CALL_ID_BYTES_MAX);
    }
    return webhook_call_id_is_valid(view_of_text(call_id), WEBHOOK_CALL_ID_BYTES_MAX) ||
           webhook_refuse(repaired, "invalid_field", "callId must be printable ASCII");
}

// --- the whole --------------------------------------------------------------------------------

bool webhook_repair(struct webhook_repaired *repaired, struct bytes_view body,
                    struct bytes_view signed_for)
{
    bytes_init(&repaired->text, 0);
    repaired->flaw[0] = repaired->sentence[0] = '\0';
    repaired->code = NULL;
    repaired->is_dialin = repaired->has_dialout = repaired->is_trunk = false;
    if (json_parse(&repaired->document, body) && !repair_json(repaired, body)) {
        return false;
    }
    repaired->is_dialin = field(repaired, "callId") != NULL;
    if (repaired->is_dialin && !check_call(repaired)) {
        return false;
    }
    if (!are_good_fields(repaired, signed_for) && !repair_fields(repaired, body, signed_for)) {
        return false;
    }
    const cJSON *dialout = field(repaired, "dialout_settings");
    repaired->has_dialout = webhook_dialout_is_usable(dialout);
    if (repaired->is_dialin || repaired->has_dialout) {
        return true;
    }
    bool is_something =
        dialout && (dialout->child || !(cJSON_IsArray(dialout) || cJSON_IsObject(dialout)));
    return is_something
               ? webhook_refuse(
                     repaired, "invalid_field",
                     "dialout_settings must be a list, or an object with phone_number or sip_uri")
               : check_call(repaired);
}

void webhook_repair_release(struct webhook_repaired *repaired)
{
    json_release(&repaired->document);
    bytes_release(&repaired->text);
}
