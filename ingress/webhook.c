// See webhook.h. The fields of a dial-in are a table: name, longest value, where it goes.
#include "webhook.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FROM_BYTES_MAX 128
#define CALL_DOMAIN_BYTES_MAX 256

static enum webhook_verdict refuse(struct webhook *webhook, const char *code, const char *format,
                                   ...) __attribute__((format(printf, 3, 4)));

static enum webhook_verdict refuse(struct webhook *webhook, const char *code, const char *format,
                                   ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(webhook->sentence, sizeof webhook->sentence, format, args);
    va_end(args);
    webhook->code = code;
    return WEBHOOK_REFUSED;
}

static const cJSON *field(const cJSON *tree, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, name);
    return cJSON_IsNull(value) ? NULL : value;
}

static bool is_test(const cJSON *tree)
{
    const char *test = json_text(tree, "Test");
    test = test ? test : json_text(tree, "test");
    return test && !strcmp(test, "test");
}

static bool is_verification(const cJSON *tree)
{
    if (cJSON_GetArraySize(tree) != 1) {
        return false;
    }
    const char *to = json_text(tree, "To");
    return is_test(tree) ||
           (to && to[0] == '+' && to[1] && to[1 + strspn(to + 1, "0123456789")] == '\0');
}

bool webhook_is_verification(struct bytes_view body)
{
    struct json_document document;
    bool is_one = !json_parse(&document, body) && is_verification(document.tree);
    json_release(&document);
    return is_one;
}

static enum webhook_verdict read_dialin(struct webhook *webhook, const cJSON *tree)
{
    static const struct {
        const char *name;
        size_t bytes_max;
    } FIELDS[] = {
        {"To", sizeof webhook->to - 1},
        {"From", FROM_BYTES_MAX},
        {"callId", WEBHOOK_CALL_ID_BYTES_MAX},
        {"callDomain", CALL_DOMAIN_BYTES_MAX},
    };
    char missing[64] = "";
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        const cJSON *value = field(tree, FIELDS[i].name);
        const char *text = cJSON_GetStringValue(value);
        size_t len = strlen(missing);
        if (value && !text) {
            return refuse(webhook, "invalid_field", "%s must be a string", FIELDS[i].name);
        }
        if (!text || !text[0]) {
            snprintf(missing + len, sizeof missing - len, "%s%s", len > 0 ? ", " : "",
                     FIELDS[i].name);
        } else if (strlen(text) > FIELDS[i].bytes_max) {
            return refuse(webhook, "invalid_field", "%s is longer than %zu bytes", FIELDS[i].name,
                          FIELDS[i].bytes_max);
        }
    }
    if (missing[0]) {
        return refuse(webhook, "missing_fields", "missing or empty: %s", missing);
    }
    const char *call_id = json_text(tree, "callId");
    if (!webhook_call_id_is_valid(view_of_text(call_id), WEBHOOK_CALL_ID_BYTES_MAX)) {
        return refuse(webhook, "invalid_field", "callId must be printable ASCII");
    }
    webhook->kind = WEBHOOK_DIALIN;
    snprintf(webhook->call_id, sizeof webhook->call_id, "%s", call_id);
    snprintf(webhook->to, sizeof webhook->to, "%s", json_text(tree, "To"));
    return WEBHOOK_CALL;
}

static enum webhook_verdict check_sip_headers(struct webhook *webhook, const cJSON *tree)
{
    const cJSON *headers = field(tree, "sipHeaders");
    const cJSON *header = NULL;
    if (headers && !cJSON_IsObject(headers)) {
        return refuse(webhook, "invalid_field", "sipHeaders must be an object of strings");
    }
    cJSON_ArrayForEach(header, headers)
    {
        if (!cJSON_IsString(header)) {
            return refuse(webhook, "invalid_field", "sipHeaders must be an object of strings");
        }
    }
    return WEBHOOK_CALL;
}

static enum webhook_verdict read_tree(struct webhook *webhook, const cJSON *tree)
{
    const cJSON *dialout = field(tree, "dialout_settings");
    if (is_verification(tree)) {
        return WEBHOOK_VERIFICATION;
    }
    if (dialout && !cJSON_IsArray(dialout)) {
        return refuse(webhook, "invalid_field", "dialout_settings must be an array");
    }
    if (check_sip_headers(webhook, tree) == WEBHOOK_REFUSED) {
        return WEBHOOK_REFUSED;
    }
    if (dialout && cJSON_GetArraySize(dialout) > 0 && !field(tree, "callId")) {
        webhook->kind = WEBHOOK_DIALOUT;
        return WEBHOOK_CALL;
    }
    return read_dialin(webhook, tree);
}

enum webhook_verdict webhook_read(struct webhook *webhook, struct bytes_view body)
{
    struct json_document document;
    memset(webhook, 0, sizeof *webhook);
    const char *problem = json_parse(&document, body);
    if (problem) {
        return refuse(webhook, "invalid_json", "the body is not acceptable JSON: %s", problem);
    }
    enum webhook_verdict verdict = read_tree(webhook, document.tree);
    json_release(&document);
    return verdict;
}
