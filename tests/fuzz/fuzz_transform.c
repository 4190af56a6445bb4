// Any bytes as the webhook of an entry: what the ingress takes, the worker can transform; a request
// is JSON, is the same each time, and tells the bot no key of Daily's but ours.
#include "json.h"
#include "transform.h"
#include "webhook.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const struct bytes *request, enum webhook_kind kind)
{
    cJSON *tree = cJSON_ParseWithLength(request->data, request->len);
    const cJSON *room = cJSON_GetObjectItemCaseSensitive(tree, "dailyRoomProperties");
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(tree, "body");
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(body, "dialin_settings");
    assert(tree && room && cJSON_GetArraySize(body) == 7);
    assert(!strcmp(json_text(body, "daily_api_key"), "ours"));
    assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(room, "eject_at_room_exp")));
    assert(cJSON_HasObjectItem(room, "sip") == (kind == WEBHOOK_DIALIN));
    if (kind == WEBHOOK_DIALOUT) {
        assert(cJSON_IsNull(settings));
    } else {
        assert(!cJSON_HasObjectItem(settings, "daily_api_key"));
        assert(!cJSON_HasObjectItem(settings, "daily_api_url"));
        assert(!strcmp(json_text(settings, "From"), json_text(settings, "from")));
        assert(!strcmp(json_text(settings, "To"), json_text(settings, "to")));
        for (const cJSON *one = settings->child; one; one = one->next) {
            assert(cJSON_GetObjectItemCaseSensitive(settings, one->string) == one);
        }
    }
    cJSON_Delete(tree);
}

static void check_transform(struct bytes_view body, enum webhook_kind kind, bool must_be_good)
{
    const struct webhook_entry entry = {.kind = kind, .call_id = VIEW("c-1~r1"), .body = body};
    const struct transform_settings settings = {.daily_api_key = "ours",
                                                .daily_api_url = "https://api.daily.co/v1"};
    struct transform_facts facts = {0};
    struct bytes request, again;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&again, TRANSFORM_REQUEST_BYTES_MAX);
    const char *problem = transform(&entry, &settings, 1795408783, &request, &facts);
    assert(!problem || !must_be_good);
    if (problem) {
        assert(problem[0] && request.len == 0);
    } else {
        assert(!transform(&entry, &settings, 1795408783, &again, &facts));
        assert(view_equal(bytes_view(&request), bytes_view(&again)));
        check_request(&request, kind);
    }
    bytes_release(&request);
    transform_facts_release(&facts);
    bytes_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes_view body = {(const char *)data, size};
    struct webhook webhook;
    bool is_call = webhook_read(&webhook, body, VIEW("")) == WEBHOOK_CALL;
    check_transform(body, WEBHOOK_DIALIN, is_call && webhook.kind == WEBHOOK_DIALIN);
    check_transform(body, WEBHOOK_DIALOUT, is_call && webhook.kind == WEBHOOK_DIALOUT);
    webhook_release(&webhook);
    return 0;
}
