// dialin-audit verify: each request can be computed again from its webhook. Goes through the
// events, and for each request recorded as sent transforms its webhook as the worker would now.
#include "command.h"
#include "request_diff.h"
#include "interrupt.h"
#include "json_line.h"
#include "progress.h"
#include "record_walk.h"
#include "redact.h"
#include "audit_routing.h"
#include "lookup_answer.h"
#include "transform.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct verification {
    struct audit *audit;
    struct progress progress;
    struct json_line line;
    struct bytes request, redacted; // made now
    struct routing *routing;        // NULL: there is no file of routes
    bool is_trial;        // what would these routes do? Else: were the recorded ones followed?
    uint64_t seen, total; // events
    uint64_t requests, different, damaged, gone, newer, assumed_keys, other_definition, looked_up;
};

// The event at hand, as differences name it.
struct subject {
    struct verification *verification;
    struct bytes_view call_id, entry, attempt, agent;
    struct lookup_answer answer; // of its lookup, as recorded: redacted
    bool has_answer;
};

// --- differences --------------------------------------------------------------------------------

static void print_difference(const char *path, const char *recorded, const char *now, void *arg)
{
    struct subject *subject = arg;
    struct verification *verification = subject->verification;
    const struct screen *screen = &verification->audit->screen;
    if (verification->audit->options->json) {
        struct json_line *line = &verification->line;
        json_line_text(line, "call_id", subject->call_id);
        json_line_text(line, "entry", subject->entry);
        json_line_number(line, "attempt", view_number(subject->attempt));
        json_line_text(line, "path", view_of_text(path));
        json_line_text(line, "recorded", view_of_text(recorded));
        json_line_text(line, "now", view_of_text(now));
        screen_json(line, stdout);
        return;
    }
    progress_clear(&verification->progress);
    screen_put(screen, COLOUR_NONE, 0, subject->call_id);
    screen_print(", attempt ");
    screen_put(screen, COLOUR_NONE, 0, subject->attempt);
    screen_print(", ");
    screen_put_text(screen, COLOUR_BUSY, 0, path);
    screen_print("\n  recorded  ");
    screen_put_text(screen, COLOUR_NONE, 0, recorded);
    screen_print("\n  now       ");
    screen_put_text(screen, COLOUR_NONE, 0, now);
    screen_print("\n");
}

// A problem with the webhook itself, said like a difference.
static void say(struct subject *subject, const char *path, const char *sentence)
{
    print_difference(path, "sent", sentence, subject);
}

// --- one request --------------------------------------------------------------------------------

// A key that is not set here but was set in the recording worker: its value is redacted anyway.
static struct transform_settings settings_for(struct verification *verification,
                                              struct bytes_view recorded)
{
    static const char KEY[] = "\"daily_api_key\":\"[redacted]\"";
    const struct audit_settings *settings = verification->audit->settings;
    struct transform_settings made = {.daily_api_key = settings->daily_api_key,
                                      .daily_api_url = settings->daily_api_url};
    if (!made.daily_api_key && memmem(recorded.data, recorded.len, KEY, sizeof KEY - 1)) {
        made.daily_api_key = "[redacted]";
        verification->assumed_keys++;
    }
    return made;
}

// The members that the place's route merges in, and over them those of the lookup's answer.
static void apply_place(struct subject *subject, const struct route_place *place,
                        struct transform_settings *settings)
{
    const struct route_rule *rule = place->rule;
    const struct lookup_answer *answer = &subject->answer;
    lookup_answer_merge(&subject->answer, rule);
    settings->body = answer->body ? answer->body : rule ? rule->body : NULL;
    settings->room = answer->room ? answer->room : rule ? rule->room : NULL;
    redact_secrets_add(subject->verification->audit->settings->secrets,
                       place->agent->route.api_key);
}

// With routes to try: the one that takes the call, and the members that it merges in.
static bool try_route(struct subject *subject, const struct webhook_entry *webhook,
                      struct transform_settings *settings)
{
    struct verification *verification = subject->verification;
    struct route_place place = {.step = 0};
    place.rule = audit_routing_choose(verification->routing, webhook, &place.agent);
    if (place.rule && place.rule->lookup.url) {
        lookup_answer_place(&subject->answer, verification->routing, &place);
    } else {
        lookup_answer_release(&subject->answer);
    }
    const char *agent = place.agent->route.agent;
    apply_place(subject, &place, settings);
    if (!agent[0] || view_equal_text(subject->agent, agent)) {
        return true;
    }
    char recorded[ROUTE_AGENT_BYTES_MAX + 1];
    view_copy(subject->agent, recorded, sizeof recorded);
    print_difference("(agent)", recorded, agent, subject);
    return false;
}

// The route that the event names, if its definition is the one that was in force.
static bool find_recorded_route(struct subject *subject, const redisReply *event,
                                struct transform_settings *settings)
{
    struct verification *verification = subject->verification;
    const struct bytes_view name = reply_field(event, "route");
    if (name.len == 0) {
        return true;
    }
    const struct routing *routing = verification->routing;
    const struct route_rule *rule = routing ? route_file_rule(&routing->file, name) : NULL;
    if (reply_field(event, "lookup").len > 0 && !subject->has_answer) {
        verification->looked_up++;
        return false;
    }
    if (!rule || !view_equal_text(reply_field(event, "definition"), rule->digest)) {
        verification->other_definition++;
        return false;
    }
    struct route_place place = {.rule = rule};
    place.agent = route_agents_find(&routing->file.agents, subject->agent);
    place.agent = place.agent ? place.agent : routing_environment(routing);
    apply_place(subject, &place, settings);
    return true;
}

static void verify_request(struct subject *subject, const struct webhook_entry *webhook,
                           const redisReply *event)
{
    const struct bytes_view recorded = reply_field(event, "request");
    struct verification *verification = subject->verification;
    struct transform_settings settings = settings_for(verification, recorded);
    struct transform_facts facts = {0};
    bytes_clear(&verification->request);
    bytes_clear(&verification->redacted);
    if (!verification->is_trial && !find_recorded_route(subject, event, &settings)) {
        return;
    }
    verification->requests++;
    bool is_same_agent = !verification->is_trial || try_route(subject, webhook, &settings);
    const char *problem = transform(webhook, &settings, request_diff_expiry(recorded),
                                    &verification->request, &facts);
    if (problem) {
        say(subject, "(request)", problem);
        verification->different++;
        transform_facts_release(&facts);
        return;
    }
    transform_facts_release(&facts);
    redact(bytes_view(&verification->request), verification->audit->settings->secrets,
           &verification->redacted);
    uint64_t count =
        request_diff_find(recorded, bytes_view(&verification->redacted), print_difference, subject);
    verification->different += count > 0 || !is_same_agent;
}

static void verify_event(struct subject *subject, const redisReply *event, const redisReply *rows)
{
    struct verification *verification = subject->verification;
    struct webhook_entry webhook;
    if (!reply_is_list(rows) || rows->elements == 0) {
        verification->gone++;
        return;
    }
    const char *flaw = webhook_entry_from_reply(&webhook, rows->element[0]->element[1]);
    bool is_newer = flaw && webhook_entry_is_newer(&webhook);
    if (is_newer) {
        verification->newer++;
    } else if (flaw || !webhook_entry_is_whole(&webhook)) {
        verification->damaged++;
        say(subject, "(webhook)", flaw ? flaw : "its body is not what its sha256 says");
    } else {
        verify_request(subject, &webhook, event);
    }
}

// Finds the answer of the call's lookup in its event. Without an event, or if its redaction has
// made it unreadable, there is none.
static void take_lookup(struct subject *subject, const redisReply *rows)
{
    if (rows && reply_is_list(rows) && rows->elements > 0) {
        const redisReply *event = rows->element[0]->element[1];
        bool has_failed = reply_field(event, "error").len > 0;
        struct bytes_view text = has_failed ? VIEW("") : reply_field(event, "response");
        bool is_its_own = view_equal(reply_field(event, "entry"), subject->entry);
        subject->has_answer = is_its_own && !lookup_answer_read(&subject->answer, text);
    }
}

// --- all of them --------------------------------------------------------------------------------

static bool has_request(const redisReply *row)
{
    return reply_field(row->element[1], "request").len > 0;
}

static void ask_for_row(struct database *database, enum redis_key stream, struct bytes_view id)
{
    const struct bytes_view argv[] = {VIEW("XRANGE"), database_key(database, stream, ""), id, id};
    database_send(database, 4, argv);
}

// The id of its event `lookup`; empty: the call was not looked up, or an older worker's record does
// not name the event.
static struct bytes_view lookup_of(const redisReply *event)
{
    struct bytes_view id = reply_field(event, "lookup");
    return memchr(id.data ? id.data : "", '-', id.len) ? id : VIEW("");
}

static void verify_row(struct verification *verification, const redisReply *event)
{
    struct database *database = verification->audit->database;
    struct subject subject = {.verification = verification,
                              .call_id = reply_field(event, "call_id"),
                              .entry = reply_field(event, "entry"),
                              .attempt = reply_field(event, "attempt"),
                              .agent = reply_field(event, "agent")};
    redisReply *rows = database_receive_shaped(database, REPLY_ROWS);
    redisReply *lookup =
        lookup_of(event).len > 0 ? database_receive_shaped(database, REPLY_ROWS) : NULL;
    if (rows) {
        take_lookup(&subject, lookup);
        verify_event(&subject, event, rows);
        lookup_answer_release(&subject.answer);
    }
    freeReplyObject(rows);
    freeReplyObject(lookup);
}

static bool verify_page(struct verification *verification, const redisReply *page)
{
    struct database *database = verification->audit->database;
    for (size_t i = 0; i < page->elements; i++) {
        const redisReply *event = page->element[i]->element[1];
        if (has_request(page->element[i])) {
            ask_for_row(database, REDIS_KEY_WEBHOOKS, reply_field(event, "entry"));
        }
        if (has_request(page->element[i]) && lookup_of(event).len > 0) {
            ask_for_row(database, REDIS_KEY_AUDIT, lookup_of(event));
        }
    }
    for (size_t i = 0; i < page->elements; i++) {
        if (has_request(page->element[i])) {
            verify_row(verification, page->element[i]->element[1]);
        }
    }
    verification->seen += page->elements;
    progress_show(&verification->progress, "verify", verification->seen, verification->total);
    return !database_is_lost(database) && !interrupt_came() && !screen_is_gone();
}

static bool verify_all(struct verification *verification)
{
    const struct selection *selection = &verification->audit->options->selection;
    struct database *database = verification->audit->database;
    const struct entry_id to = {selection->until_ms, UINT64_MAX};
    struct entry_id from = {selection->since_ms, 0};
    bool has_more = true;
    while (has_more) {
        redisReply *page = database_page(database, REDIS_KEY_AUDIT, from, to, OLDEST_FIRST);
        bool is_good = reply_is_list(page) && verify_page(verification, page);
        has_more = is_good && page->elements == DATABASE_PAGE;
        if (has_more) {
            from = entry_id_after(entry_id_of(page->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        freeReplyObject(page);
        if (!is_good) {
            return false;
        }
    }
    return true;
}

static void print_summary(const struct verification *verification, bool is_whole)
{
    bool has_json = verification->audit->options->json;
    screen_note(has_json,
                "verified %" PRIu64 " requests: %" PRIu64 " as recorded, %" PRIu64 " differ%s\n",
                verification->requests, verification->requests - verification->different,
                verification->different, is_whole ? "" : "; not all were looked at");
    if (verification->damaged > 0) {
        screen_note(has_json, "%" PRIu64 " webhooks are damaged\n", verification->damaged);
    }
    if (verification->gone > 0) {
        screen_note(has_json, "%" PRIu64 " webhooks are no longer kept\n", verification->gone);
    }
    if (verification->newer > 0) {
        screen_note(has_json, "%" PRIu64 " are of a newer version than this program\n",
                    verification->newer);
    }
    if (verification->looked_up > 0) {
        screen_note(has_json,
                    "%" PRIu64
                    " cannot be compared: the answer of their lookup is no longer kept, or "
                    "not readable\n",
                    verification->looked_up);
    }
    if (verification->other_definition > 0) {
        screen_note(has_json,
                    "%" PRIu64 " cannot be compared: their route has another definition in "
                    "ROUTES_FILE now, or none\n",
                    verification->other_definition);
    }
    if (verification->assumed_keys > 0) {
        screen_complain("DAILY_API_KEY is not set here: %" PRIu64
                        " recorded ones were taken as good",
                        verification->assumed_keys);
    }
}

enum exit_code verify_run(struct audit *audit)
{
    struct verification verification = {.audit = audit};
    const char *routes =
        audit->options->routes ? audit->options->routes : audit->settings->routes_file;
    verification.is_trial = audit->options->routes != NULL;
    verification.routing = routes ? audit_routing_open(routes, audit->settings) : NULL;
    verification.total = database_length(audit->database, REDIS_KEY_AUDIT);
    if ((routes && !verification.routing) || database_is_lost(audit->database)) {
        routing_release(verification.routing);
        return EXIT_NOT_DONE;
    }
    json_line_init(&verification.line);
    bytes_init(&verification.request, TRANSFORM_REQUEST_BYTES_MAX);
    bytes_init(&verification.redacted, 2 * TRANSFORM_REQUEST_BYTES_MAX);
    progress_init(&verification.progress, false);
    bool is_whole = verify_all(&verification);
    progress_clear(&verification.progress);
    print_summary(&verification, is_whole);
    json_line_release(&verification.line);
    bytes_release(&verification.request);
    bytes_release(&verification.redacted);
    routing_release(verification.routing);
    bool is_good = is_whole && verification.different == 0 && verification.damaged == 0;
    return is_good ? EXIT_DONE : EXIT_NOT_DONE;
}
