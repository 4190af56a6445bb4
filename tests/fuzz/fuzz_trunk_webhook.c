// Any bytes as the notification of a SIP trunk: what comes out is strict JSON in which every part
// that the rest reads has its type, the same bytes give the same call, the call's id is one, and
// the start request is made of it without a room of its own.
#include "json.h"
#include "transform.h"
#include "trunk_webhook.h"
#include "webhook_entry.h"
#include "webhook_repair.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_S 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(const char *room_url)
{
    char call_id[WEBHOOK_CALL_ID_BYTES_MAX + 1], again[WEBHOOK_CALL_ID_BYTES_MAX + 1];
    trunk_webhook_call_id(room_url, call_id);
    trunk_webhook_call_id(room_url, again);
    assert(!strcmp(call_id, again));
    assert(!strncmp(call_id, "trunk-", 6) && !strchr(call_id, '~'));
    assert(webhook_call_id_is_valid(view_of_text(call_id), WEBHOOK_CALL_ID_BYTES_MAX));
}

static void check_call(const struct webhook_repaired *call, struct bytes_view body)
{
    const cJSON *tree = call->document.tree, *header = NULL;
    const cJSON *headers = cJSON_GetObjectItemCaseSensitive(tree, "sipHeaders");
    struct json_document strict;
    static const char *const PARTIES[] = {"From", "To"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_text(tree, PARTIES[i]);
        assert(text && strlen(text) <= WEBHOOK_PARTY_BYTES_MAX);
    }
    cJSON_ArrayForEach(header, headers)
    {
        assert(cJSON_IsString(header));
    }
    assert(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(tree, "sip_trunk")));
    assert(json_text(tree, "room_url") && json_text(tree, "room_url")[0]);
    check_id(json_text(tree, "room_url"));
    if (!json_parse(&strict, body)) { // it goes to the bot as it came
        assert(memmem(call->text.data, call->text.len, body.data, body.len));
        json_release(&strict);
    }
}

static void check_request(const struct webhook_entry *entry, bool is_call)
{
    const struct transform_settings settings = {.daily_api_key = NULL};
    struct transform_facts facts = {0};
    struct json_document sent;
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    const char *problem = transform(entry, &settings, EXPIRES_S, &request, &facts);
    assert(is_call || problem);
    if (!problem) {
        const char *flaw = json_parse(&sent, bytes_view(&request));
        assert(!flaw);
        assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(sent.tree, "createDailyRoom")));
        assert(facts.room_url && facts.room_url[0]);
        json_release(&sent);
    }
    transform_facts_release(&facts);
    bytes_release(&request);
}

static void check(struct bytes_view body)
{
    struct webhook_repaired call, again;
    bool is_call = trunk_webhook_repair(&call, body);
    if (is_call) {
        assert(!call.code);
        check_call(&call, body);
    } else {
        assert(call.code && call.sentence[0]);
    }
    for (const char *at = call.sentence; *at; at++) {
        assert(isprint((unsigned char)*at));
    }
    assert(trunk_webhook_repair(&again, body) == is_call);
    assert(view_equal(bytes_view(&again.text), bytes_view(&call.text)));
    assert(!strcmp(again.flaw, call.flaw));
    assert(!is_call || !trunk_webhook_is_test(body));
    const struct webhook_entry entry = {
        .kind = WEBHOOK_TRUNK, .call_id = VIEW("trunk-a"), .body = body};
    check_request(&entry, is_call);
    webhook_repair_release(&again);
    webhook_repair_release(&call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes_view body = {(const char *)data, size};
    char *text = malloc(size + 1);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    check_id(text);
    free(text);
    (void)trunk_webhook_is_test(body);
    check(body);
    return 0;
}
