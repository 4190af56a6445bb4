// See explain.h.
#include "explain.h"

#include "call_place.h"
#include "callable_number.h"
#include "callback.h"
#include "loop.h"
#include "recorded_entry.h"
#include "redact.h"
#include "route_place.h"
#include "time_zone.h"
#include "transform.h"
#include "trunk_webhook.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_S 1000

struct explanation {
    const struct settings *settings;
    const struct webhook_entry *entry;
    struct webhook_repaired webhook;
    struct route_subject subject;
    struct route_place place;
    char call_id[WEBHOOK_RECORD_ID_BYTES_MAX + 1];
};

static void print_time(uint64_t ms)
{
    char text[32] = "";
    struct tm tm;
    time_t s = (time_t)(ms / MS_PER_S);
    if (gmtime_r(&s, &tm)) {
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    }
    printf("rang     %s UTC\n", text);
}

static void print_webhook(const struct explanation *explanation)
{
    const cJSON *tree = explanation->webhook.document.tree;
    const char *from = json_text(tree, "From"), *to = json_text(tree, "To");
    printf("from     %s\nto       %s\n", from ? from : "", to ? to : "");
    print_time(explanation->entry->received_ms);
    if (explanation->webhook.flaw[0]) {
        printf("repaired %s\n", explanation->webhook.flaw);
    }
}

// Why not, after the member that does not match: the time there, by which the hours were judged.
static void print_mismatch(const struct explanation *explanation, const struct route_rule *rule,
                           const char *mismatch)
{
    char text[32] = "";
    struct tm tm;
    uint64_t at_s = explanation->entry->received_ms / MS_PER_S;
    printf("no: %s", mismatch);
    if (!strcmp(mismatch, "hours")) {
        time_t local_s = (time_t)at_s + time_zone_offset_s(rule->hours.time_zone, at_s);
        if (gmtime_r(&local_s, &tm)) {
            strftime(text, sizeof text, "%A %H:%M", &tm);
        }
        printf(" (%s in %s)", text, rule->hours.time_zone);
    } else if (!strcmp(mismatch, "share")) {
        printf(" (%llu %%)", (unsigned long long)rule->share);
    }
    printf("\n");
}

// A call back keeps the route of the call that died, if there is one of that name.
static const struct route_rule *print_route_of_callback(const struct explanation *explanation)
{
    const struct routing *routing = explanation->settings->routing;
    const struct route_rule *rule = route_file_rule(&routing->file, explanation->entry->route);
    if (rule) {
        printf("\nroute    %-20s had the call that is called back\n", rule->name);
    }
    return rule;
}

// Prints the routes up to the one that takes the call, and finds it.
static void print_routes(struct explanation *explanation)
{
    const struct routing *routing = explanation->settings->routing;
    const struct route_rule *found = NULL;
    route_subject_set(&explanation->subject, explanation->webhook.document.tree,
                      explanation->entry->call_id, explanation->entry->received_ms);
    if (explanation->entry->route.len > 0) {
        found = print_route_of_callback(explanation);
    }
    if (found) {
        explanation->place = route_place_of_rule(routing, found);
        return;
    }
    printf("\n");
    for (size_t i = 0; i < routing->file.count && !found; i++) {
        const struct route_rule *rule = &routing->file.rules[i];
        const char *mismatch = route_mismatch(rule, &explanation->subject);
        found = mismatch ? NULL : rule;
        printf("route    %-20s ", rule->name);
        if (mismatch) {
            print_mismatch(explanation, rule, mismatch);
        } else {
            printf("takes the call\n");
        }
    }
    if (!found) {
        printf("route    none: the call goes to the agent of the environment\n");
    }
    explanation->place = route_place_of_rule(routing, found);
}

static void print_agent(const struct route_agent *agent)
{
    const struct route *route = &agent->route;
    printf("agent    %s, %s, %s\n", route->agent, route->start_url,
           route->api_key ? "with a key" : "without a key");
}

static void print_limit(const struct explanation *explanation)
{
    const struct route_rule *rule = explanation->place.rule;
    const char *caller = call_place_limited_caller(
        rule, explanation->entry->kind, explanation->call_id, &explanation->subject.from);
    if (caller) {
        printf("limit    %llu calls of %s within %llu s; more are declined\n",
               (unsigned long long)rule->limit_calls, caller,
               (unsigned long long)rule->limit_within_s);
    } else if (rule->limit_calls) {
        printf("limit    none: it is a dial-out, a replay, or of a caller who has neither a number "
               "nor an address\n");
    }
}

static void print_lookup(const struct route_lookup *lookup)
{
    if (lookup->url) {
        struct bytes_view shown = route_url_without_query(lookup->url);
        printf("lookup   %.*s, not asked here: its answer may change all that follows\n",
               (int)shown.len, shown.data);
    }
}

static void print_overflow(const struct route_rule *rule)
{
    for (size_t i = 0; i < rule->overflow_count; i++) {
        const struct route_step *step = &rule->overflow[i];
        if (step->is_by_forecast) {
            printf("overflow by the forecast");
        } else {
            printf("overflow after %llu s", (unsigned long long)step->after_s);
        }
        printf(" to %s, %s\n", step->agent->route.agent, step->agent->route.start_url);
    }
}

static void print_callback(const struct explanation *explanation)
{
    const struct route_rule *rule = explanation->place.rule;
    char number[PHONE_DIGITS_MAX + 1];
    callable_number(json_text(explanation->webhook.document.tree, "From"), number);
    const char *refusal =
        callback_refusal(rule, explanation->entry->kind, explanation->call_id, number);
    const char *caller_id = rule ? rule->callback.caller_id : NULL;
    unsigned long long within_s = rule ? rule->callback.within_s : 0;
    if (refusal) {
        printf("callback no: %s\n", refusal);
    } else {
        printf("callback if the hold runs out: +%s, within %llu s%s%s\n", number, within_s,
               caller_id ? ", as " : "", caller_id ? caller_id : "");
    }
}

static uint64_t hold_s_of(const struct explanation *explanation)
{
    const struct settings *settings = explanation->settings;
    const struct webhook_entry *entry = explanation->entry;
    const struct route_rule *rule = explanation->place.rule;
    const struct call_place_settings limits = {.hold_limit_s = settings->hold_limit_s,
                                               .dialout_limit_s = settings->dialout_limit_s,
                                               .trunk_limit_s = settings->trunk_limit_s};
    return entry->hold_ms ? entry->hold_ms / MS_PER_S
                          : call_place_hold_s(entry->kind, rule ? rule->hold_limit_s : 0, &limits);
}

static void print_place(const struct explanation *explanation)
{
    const struct route_rule *rule = explanation->place.rule;
    if (rule && rule->is_declined) {
        printf("agent    none: the route declines the call\n");
        return;
    }
    if (rule) {
        print_limit(explanation);
        print_lookup(&rule->lookup);
    }
    print_agent(explanation->place.agent);
    printf("hold     %llu s\n", (unsigned long long)hold_s_of(explanation));
    if (rule && rule->priority_s) {
        printf("priority as if it had rung %llu s earlier\n", (unsigned long long)rule->priority_s);
    }
    if (rule) {
        print_overflow(rule);
    }
    if (explanation->settings->routing->file.count > 0) {
        print_callback(explanation);
    }
}

static bool print_request(const struct explanation *explanation)
{
    const struct settings *settings = explanation->settings;
    const struct route_rule *rule = explanation->place.rule;
    const struct transform_settings transform = {
        .daily_api_key = settings->daily_api_key,
        .daily_api_url = settings->daily_api_url,
        .body = rule ? rule->body : NULL,
        .room = rule ? rule->room : NULL,
    };
    struct transform_facts facts = {0};
    struct bytes request, redacted;
    bytes_init(&request, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&redacted, 2 * TRANSFORM_REQUEST_BYTES_MAX);
    redact_secrets_add(settings->secrets, explanation->place.agent->route.api_key);
    const char *problem =
        transform_repaired(explanation->entry, &explanation->webhook, &transform,
                           loop_wall_ms() / MS_PER_S + settings->room_expiry_s, &request, &facts);
    redact(bytes_view(&request), settings->secrets, &redacted);
    printf("\nrequest  %s\n", problem ? problem : bytes_text(&redacted));
    transform_facts_release(&facts);
    bytes_release(&request);
    bytes_release(&redacted);
    return !problem;
}

static int explain_entry(const struct settings *settings, const struct webhook_entry *entry)
{
    struct explanation explanation = {.settings = settings, .entry = entry};
    view_copy(entry->call_id, explanation.call_id, sizeof explanation.call_id);
    bool is_usable = webhook_repair_entry(&explanation.webhook, entry);
    if (!explanation.webhook.document.tree) {
        fprintf(stderr, "dialin-worker: the webhook cannot be used: %s\n",
                explanation.webhook.sentence);
    } else {
        print_webhook(&explanation);
        print_routes(&explanation);
        print_place(&explanation);
        bool is_declined = explanation.place.rule && explanation.place.rule->is_declined;
        is_usable = is_usable && (is_declined || print_request(&explanation));
        if (explanation.webhook.code) {
            fprintf(stderr, "dialin-worker: the webhook is not whole: %s\n",
                    explanation.webhook.sentence);
        }
    }
    webhook_repair_release(&explanation.webhook);
    return is_usable ? 0 : 1;
}

static int explain_text(const struct settings *settings, const char *json)
{
    struct json_document document;
    struct webhook_entry entry = {
        .kind = WEBHOOK_DIALOUT,
        .received_ms = loop_wall_ms(),
        .body = view_of_text(json),
    };
    const char *problem = json_parse(&document, entry.body);
    if (problem) {
        fprintf(stderr, "dialin-worker: the webhook cannot be read: %s\n", problem);
        return 1;
    }
    const char *call_id = json_text(document.tree, "callId");
    bool is_dialout =
        !call_id && cJSON_GetObjectItemCaseSensitive(document.tree, "dialout_settings");
    const char *room_url =
        json_text(cJSON_GetObjectItemCaseSensitive(document.tree, "room"), "url");
    char trunk_id[WEBHOOK_CALL_ID_BYTES_MAX + 1] = "";
    if (!call_id && !is_dialout && room_url) {
        trunk_webhook_call_id(room_url, trunk_id);
        entry.kind = WEBHOOK_TRUNK;
        entry.call_id = view_of_text(trunk_id);
    } else {
        entry.kind = is_dialout ? WEBHOOK_DIALOUT : WEBHOOK_DIALIN;
        entry.call_id = view_of_text(call_id);
    }
    int code = explain_entry(settings, &entry);
    json_release(&document);
    return code;
}

static void on_entry(const struct webhook_entry *entry, const struct recorded_place *record,
                     void *arg)
{
    const struct settings *settings = ((void **)arg)[0];
    int *code = ((void **)arg)[1];
    printf("call     %.*s: %s%s%s, agent %s\n", (int)entry->call_id.len, entry->call_id.data,
           record->state, record->route[0] ? ", route " : "", record->route, record->agent);
    *code = explain_entry(settings, entry);
}

int explain(const struct settings *settings, const char *argument)
{
    int code = 1;
    const char *text = argument + strspn(argument, " \t\r\n");
    if (*text == '{') {
        return explain_text(settings, text);
    }
    void *arg[] = {(void *)(uintptr_t)settings, &code};
    recorded_entry_read(&settings->redis, settings->common.redis_prefix, argument, on_entry, arg);
    return code;
}
