// See route_match.h.
#include "route_match.h"

#include "signature.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGEST_DIGITS 8 // of SHA-256 in hexadecimal: enough to share calls out evenly

static size_t original_len(struct bytes_view call_id)
{
    const char *tilde = memrchr(call_id.data, '~', call_id.len);
    return tilde ? (size_t)(tilde - call_id.data) : call_id.len;
}

void route_subject_set(struct route_subject *subject, const cJSON *webhook,
                       struct bytes_view call_id, uint64_t received_ms)
{
    struct bytes_view original = {call_id.data, call_id.len > 0 ? original_len(call_id) : 0};
    phone_number_read(&subject->to, view_of_text(json_text(webhook, "To")));
    phone_number_read(&subject->from, view_of_text(json_text(webhook, "From")));
    subject->headers = cJSON_GetObjectItemCaseSensitive(webhook, "sipHeaders");
    view_copy(original, subject->call_id, sizeof subject->call_id);
    subject->received_ms = received_ms;
}

static bool header_matches(const struct route_header *pattern, const cJSON *headers)
{
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, headers)
    {
        if (!strcasecmp(header->string, pattern->name)) {
            const char *text = cJSON_GetStringValue(header);
            return text &&
                   (pattern->is_prefix ? !strncmp(text, pattern->text, strlen(pattern->text))
                                       : !strcmp(text, pattern->text));
        }
    }
    return false; // even `*` asks for the header
}

static bool headers_match(const struct route_rule *rule, const cJSON *headers)
{
    for (size_t i = 0; i < rule->header_count; i++) {
        if (!header_matches(&rule->headers[i], headers)) {
            return false;
        }
    }
    return true;
}

// The same call always falls on the same side, whichever worker asks.
static bool share_takes(const struct route_rule *rule, const char *call_id)
{
    char text[ROUTE_NAME_BYTES_MAX + 1 + 129], digest[SIGNATURE_SHA256_HEX];
    if (rule->share >= 100) {
        return true;
    }
    size_t name_len = strlen(rule->name), id_len = strlen(call_id);
    memcpy(text, rule->name, name_len);
    text[name_len] = '\n';
    memcpy(text + name_len + 1, call_id, id_len);
    signature_sha256((struct bytes_view){text, name_len + 1 + id_len}, digest);
    digest[DIGEST_DIGITS] = '\0';
    uint64_t number = strtoul(digest, NULL, 16);
    return number * 100 >> 4 * DIGEST_DIGITS < rule->share;
}

const char *route_mismatch(const struct route_rule *rule, const struct route_subject *subject)
{
    if (!route_patterns_match(&rule->to, &subject->to)) {
        return "to";
    }
    if (!route_patterns_match(&rule->from, &subject->from)) {
        return "from";
    }
    if (!headers_match(rule, subject->headers)) {
        return "sip_header";
    }
    if (!route_hours_hold(&rule->hours, subject->received_ms)) {
        return "hours";
    }
    return share_takes(rule, subject->call_id) ? NULL : "share";
}

const struct route_rule *route_choose(const struct route_file *file,
                                      const struct route_subject *subject)
{
    struct route_candidates candidates;
    size_t i = 0;
    route_candidates_begin(&candidates, &file->index, subject);
    while (route_candidates_next(&candidates, &i)) {
        if (!route_mismatch(&file->rules[i], subject)) {
            return &file->rules[i];
        }
    }
    return NULL;
}
