// See webhook.h. Only a verification request as Daily sends it, byte for byte a plain one, is
// one; everything else is read as webhook_repair leaves it.
#include "webhook.h"

#include "json.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

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

// One with a comma has a second member, or a text that no verification request has: a flood of
// Daily's events is not parsed to see that.
bool webhook_is_verification(struct bytes_view body)
{
    struct json_document document;
    if (body.len > 0 && memchr(body.data, ',', body.len)) {
        return false;
    }
    bool is_one = !json_parse(&document, body) && is_verification(document.tree);
    json_release(&document);
    return is_one;
}

static char *copy_text(const cJSON *tree, const char *name)
{
    const char *text = json_text(tree, name);
    return memory_text(text ? text : "");
}

static enum webhook_verdict read_call(struct webhook *webhook,
                                      const struct webhook_repaired *repaired)
{
    const cJSON *tree = repaired->document.tree;
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(tree, "idempotency_key");
    webhook->kind = repaired->is_dialin ? WEBHOOK_DIALIN : WEBHOOK_DIALOUT;
    webhook->has_dialout = repaired->is_dialin && repaired->has_dialout;
    webhook->idempotency_key =
        key && !cJSON_IsNull(key) ? copy_text(tree, "idempotency_key") : NULL;
    if (repaired->is_dialin) {
        webhook->to = copy_text(tree, "To");
        view_copy(view_of_text(json_text(tree, "callId")), webhook->call_id,
                  sizeof webhook->call_id);
    }
    return WEBHOOK_CALL;
}

enum webhook_verdict webhook_read(struct webhook *webhook, struct bytes_view body,
                                  struct bytes_view signed_for)
{
    struct webhook_repaired repaired;
    enum webhook_verdict verdict = WEBHOOK_REFUSED;
    memset(webhook, 0, sizeof *webhook);
    if (webhook_repair(&repaired, body, signed_for)) {
        verdict = read_call(webhook, &repaired);
    } else if (webhook_is_verification(body)) {
        verdict = WEBHOOK_VERIFICATION;
    }
    memcpy(webhook->flaw, repaired.flaw, sizeof webhook->flaw);
    memcpy(webhook->sentence, repaired.sentence, sizeof webhook->sentence);
    webhook->code = repaired.code;
    webhook->to = webhook->to ? webhook->to : memory_text("");
    webhook_repair_release(&repaired);
    return verdict;
}

void webhook_release(struct webhook *webhook)
{
    free(webhook->to);
    free(webhook->idempotency_key);
    webhook->to = webhook->idempotency_key = NULL;
}
