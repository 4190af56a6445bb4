// Any bytes as a webhook: the parser agrees with cJSON about what it accepts, and every verdict of
// webhook_read() is whole.
#include "json.h"
#include "webhook.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(struct bytes_view text)
{
    struct json_document document, again;
    struct bytes printed;
    const char *problem = json_parse(&document, text);
    assert((problem == NULL) == (document.tree != NULL));
    if (problem) {
        assert(problem[0]);
        return;
    }
    assert(document.member_count == (size_t)cJSON_GetArraySize(document.tree));
    const cJSON *member = document.tree->child;
    for (size_t i = 0; i < document.member_count; i++, member = member->next) {
        struct bytes_view value = document.members[i].value;
        assert(value.data >= text.data && value.data + value.len <= text.data + text.len);
        cJSON *alone = cJSON_ParseWithLength(value.data, value.len);
        assert(alone && alone->type == member->type);
        assert(!cJSON_IsString(member) || !strcmp(alone->valuestring, member->valuestring));
        cJSON_Delete(alone);
    }
    bytes_init(&printed, 64 * (size_t)(1 << 20));
    assert(json_print(document.tree, &printed));
    problem = json_parse(&again, bytes_view(&printed));
    assert(!problem);
    bytes_release(&printed);
    json_release(&again);
    json_release(&document);
}

static void check_verdict(struct bytes_view text)
{
    struct webhook webhook;
    switch (webhook_read(&webhook, text, VIEW(""))) {
    case WEBHOOK_CALL:
        assert(webhook.kind == WEBHOOK_DIALOUT ||
               webhook_call_id_is_valid(view_of_text(webhook.call_id), WEBHOOK_CALL_ID_BYTES_MAX));
        break;
    case WEBHOOK_VERIFICATION:
        assert(webhook_is_verification(text));
        break;
    case WEBHOOK_REFUSED:
        assert(webhook.code && webhook.code[0] && webhook.sentence[0]);
        for (const char *at = webhook.sentence; *at; at++) {
            assert(isprint((unsigned char)*at));
        }
        break;
    }
    webhook_release(&webhook);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes_view text = {(const char *)data, size};
    check_document(text);
    check_verdict(text);
    return 0;
}
