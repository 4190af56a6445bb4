// A change is tried on a copy of the settings and on a queue of its own first, so that a POST with
// one bad member changes nothing.
#include "control.h"

#include "agent.h"
#include "json.h"
#include "start_route.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BYTES_MAX (256U * 1024 * 1024)
#define PROBLEM_BYTES_MAX 512

// Sends what was printed, or says that it did not fit, and releases it.
static void reply_printed(struct http_request *request, struct bytes *out, bool fits)
{
    if (fits) {
        http_reply(request, 200, bytes_view(out), NULL);
    } else {
        http_refuse(request, 400, "too_much", "the answer is too long; ask for less with limit", 0);
    }
    bytes_release(out);
}

// A whole number of the query; `fallback` where it is absent or none.
static uint64_t number_of_query(const struct http_request *request, const char *name,
                                uint64_t fallback)
{
    char *end = NULL;
    const char *text = http_request_query(request, name);
    if (!text || *text < '0' || *text > '9') {
        return fallback;
    }
    uint64_t number = strtoull(text, &end, 10);
    return *end ? fallback : number;
}

// --- GET /control -----------------------------------------------------------------------------

static bool print_statuses(const struct agent_counters *counters, struct bytes *out)
{
    const char *separator = "";
    bool fits = bytes_append_text(out, ",\"statuses\":{");
    for (unsigned status = 1; fits && status < AGENT_STATUS_END; status++) {
        if (counters->statuses[status] > 0) {
            fits = bytes_printf(out, "%s\"%u\":%" PRIu64, separator, status,
                                counters->statuses[status]);
            separator = ",";
        }
    }
    return fits && bytes_append_text(out, "}");
}

static bool print_counters(const struct agent_counters *counters, struct bytes *out)
{
    return bytes_printf(out,
                        ",\"counters\":{\"requests\":%" PRIu64 ",\"started\":%" PRIu64
                        ",\"cold\":%" PRIu64 ",\"at_capacity\":%" PRIu64 ",\"refused\":%" PRIu64
                        ",\"failed\":%" PRIu64 ",\"cued\":%" PRIu64 ",\"reset\":%" PRIu64
                        ",\"sessions_max\":%" PRIu64 ",\"waiting_max\":%" PRIu64 "}",
                        counters->requests, counters->started, counters->cold,
                        counters->at_capacity, counters->refused, counters->failed, counters->cued,
                        counters->reset, counters->sessions_max, counters->waiting_max);
}

static bool print_state(struct agent *agent, struct bytes *out)
{
    return bytes_append_text(out, "{\"settings\":") && settings_print(&agent->settings, out) &&
           bytes_printf(out,
                        ",\"cues\":%zu,\"sessions\":%zu,\"delayed\":%zu,\"hanging\":%zu,"
                        "\"requests_kept\":%zu",
                        cues_count(agent->cues), pool_running(agent->pool, loop_now_ms()),
                        agent->delayed, agent->hanging, request_list_count(agent->requests)) &&
           bytes_printf(out, ",\"starts\":{\"keys\":%zu,\"repeated\":%zu,\"not_kept\":%" PRIu64 "}",
                        start_counts_keys(agent->starts), start_counts_repeated(agent->starts),
                        start_counts_not_kept(agent->starts)) &&
           print_counters(&agent->counters, out) && print_statuses(&agent->counters, out) &&
           bytes_append_text(out, ",\"events\":") &&
           conversations_print(agent->conversations, out) && bytes_append_text(out, "}");
}

void control_on_show(struct http_request *request, void *arg)
{
    struct bytes out;
    bytes_init(&out, OUTPUT_BYTES_MAX);
    reply_printed(request, &out, print_state(arg, &out));
}

// --- POST /control ----------------------------------------------------------------------------

struct change {
    struct settings settings;
    const cJSON *cues; // NULL: none
    bool clear_cues, release;
    size_t end_sessions;
};

static const char *read_member(struct change *change, const cJSON *member)
{
    const char *name = member->string;
    if (settings_have(name)) {
        return settings_change(&change->settings, name, member);
    }
    if (!strcmp(name, "cues")) {
        change->cues = member;
        return NULL;
    }
    if (!strcmp(name, "clear_cues") || !strcmp(name, "release")) {
        *(*name == 'r' ? &change->release : &change->clear_cues) = cJSON_IsTrue(member);
        return cJSON_IsBool(member) ? NULL : "true or false is needed";
    }
    if (!strcmp(name, "end_sessions")) {
        if (!cJSON_IsNumber(member) || member->valuedouble < 0 ||
            member->valuedouble > POOL_SESSIONS_MAX) {
            return "a number of sessions is needed";
        }
        change->end_sessions = (size_t)member->valuedouble;
        return NULL;
    }
    return "there is no such setting";
}

static void refuse_member(struct http_request *request, const char *name, const char *sentence)
{
    struct bytes problem;
    bytes_init(&problem, PROBLEM_BYTES_MAX);
    bytes_printf(&problem, "%.64s: %s", name, sentence);
    http_refuse(request, 400, "invalid_field", bytes_text(&problem), 0);
    bytes_release(&problem);
}

// The last step that may fail.
static const char *take_cues(struct agent *agent, const struct change *change)
{
    struct cues *target = change->clear_cues ? cues_open() : agent->cues;
    const char *problem = change->cues ? cues_add(target, change->cues) : NULL;
    if (change->clear_cues) {
        cues_close(problem ? target : agent->cues);
        agent->cues = problem ? agent->cues : target;
    }
    return problem;
}

static void apply(struct agent *agent, const struct change *change)
{
    agent->settings = change->settings;
    request_list_keep(agent->requests, agent->settings.keep);
    pool_end_oldest(agent->pool, change->end_sessions);
    conversations_end_oldest(agent->conversations, change->end_sessions);
    if (change->release) {
        start_route_release(agent);
    }
}

void control_on_change(struct http_request *request, void *arg)
{
    struct agent *agent = arg;
    struct change change = {.settings = agent->settings};
    struct json_document document;
    const char *problem = json_parse(&document, http_request_body(request));
    if (problem) {
        http_refuse(request, 400, "invalid_json", problem, 0);
        return;
    }
    const cJSON *member;
    const char *name = "cues";
    cJSON_ArrayForEach(member, document.tree)
    {
        problem = read_member(&change, member);
        if (problem) {
            name = member->string;
            break;
        }
    }
    problem = problem ? problem : take_cues(agent, &change);
    if (problem) {
        refuse_member(request, name, problem);
    } else {
        apply(agent, &change);
        control_on_show(request, agent);
    }
    json_release(&document);
}

// --- the rest ---------------------------------------------------------------------------------

void control_on_requests(struct http_request *request, void *arg)
{
    const struct agent *agent = arg;
    const struct request_list_filter filter = {
        .from = number_of_query(request, "from", 0),
        .limit = number_of_query(request, "limit", UINT64_MAX),
        .idempotency_key = http_request_query(request, "call_id"),
    };
    struct bytes out;
    bytes_init(&out, OUTPUT_BYTES_MAX);
    reply_printed(request, &out, request_list_print(agent->requests, &filter, &out));
}

void control_on_forget(struct http_request *request, void *arg)
{
    struct agent *agent = arg;
    request_list_forget(agent->requests);
    start_counts_forget(agent->starts);
    agent->counters = (struct agent_counters){0};
    http_reply(request, 200, VIEW("{\"status\":\"forgotten\"}"), NULL);
}

void control_on_starts(struct http_request *request, void *arg)
{
    const struct agent *agent = arg;
    const char *call_id = http_request_query(request, "call_id");
    struct bytes out;
    bool fits;
    bytes_init(&out, OUTPUT_BYTES_MAX);
    if (call_id) {
        fits = bytes_append_text(&out, "{") && json_append_text(&out, view_of_text(call_id)) &&
               bytes_printf(&out, ":%" PRIu64 "}", start_counts_of(agent->starts, call_id));
    } else {
        fits = start_counts_print(agent->starts, number_of_query(request, "over", 0), &out);
    }
    reply_printed(request, &out, fits);
}

void control_on_health(struct http_request *request, void *arg)
{
    (void)arg;
    http_reply(request, 200, VIEW("{\"status\":\"ok\"}"), NULL);
}
