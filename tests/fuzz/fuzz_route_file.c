// Any bytes as a file of routes: refused with a line and a sentence, or taken; what is taken
// chooses for any call, and what its routes merge in leaves a request JSON with our own values in
// it.
#include "route_match.h"
#include "transform.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define WEBHOOK                                                                                    \
    "{\"To\":\"+14152251493\",\"From\":\"+14158483432\",\"callId\":\"c\",\"callDomain\":\"d\","    \
    "\"sipHeaders\":{\"X-Tenant\":\"acme\"},\"otherField\":1}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *key_of(const char *variable, void *arg)
{
    (void)arg;
    return variable[0] == 'N'   ? NULL
           : variable[0] == 'W' ? "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
                                : "key";
}

static void check_request(const struct route_rule *rule)
{
    const struct webhook_entry entry = {.kind = WEBHOOK_DIALIN, .body = VIEW(WEBHOOK)};
    const struct transform_settings settings = {.body = rule->body, .room = rule->room};
    struct transform_facts facts = {0};
    struct bytes request;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    if (!transform(&entry, &settings, 1795408783, &request, &facts)) {
        cJSON *tree = cJSON_ParseWithLength(request.data, request.len);
        const cJSON *room = cJSON_GetObjectItemCaseSensitive(tree, "dailyRoomProperties");
        const cJSON *body = cJSON_GetObjectItemCaseSensitive(tree, "body");
        const cJSON *call = cJSON_GetObjectItemCaseSensitive(body, "dialin_settings");
        assert(tree && cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(room, "eject_at_room_exp")));
        assert(!strcmp(json_text(call, "call_id"), "c") &&
               !strcmp(json_text(call, "from"), facts.from));
        for (const cJSON *one = call->child; one; one = one->next) {
            assert(cJSON_GetObjectItemCaseSensitive(call, one->string) == one);
        }
        cJSON_Delete(tree);
    }
    bytes_release(&request);
    transform_facts_release(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct route_file file;
    struct bytes problem;
    struct json_document webhook;
    json_init();
    bytes_init(&problem, 65536);
    struct route_subject subject;
    static const struct route own = {.agent = "own", .start_url = "https://bot.example.com/start"};
    const struct route_environment environment = {&own, "key", key_of, NULL};
    time_zone_init();
    bool is_good = route_file_parse(&file, (struct bytes_view){(const char *)data, size},
                                    &environment, &problem);
    assert(is_good == (problem.len == 0));
    assert(is_good || (file.count == 0 && !strncmp(problem.data, "line ", 5)));
    assert(!json_parse(&webhook, VIEW(WEBHOOK)));
    route_subject_set(&subject, webhook.tree, VIEW("c"), 1795408783000);
    const struct route_rule *chosen = route_choose(&file, &subject);
    assert(!chosen || (chosen >= file.rules && chosen < file.rules + file.count));
    json_release(&webhook);
    for (size_t i = 0; i < file.count; i++) {
        check_request(&file.rules[i]);
    }
    route_file_release(&file);
    bytes_release(&problem);
    return 0;
}
