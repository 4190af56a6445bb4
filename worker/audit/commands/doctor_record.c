// Redis' word of the programs and of the agents (snapshot.h), and the webhooks that were
// refused.
#include "doctor.h"

#include "json.h"
#include "read_snapshot.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BYTES_PER_KB 1000
#define MS_PER_S 1000
#define HTTP_UNAUTHORIZED 401
#define HTTP_FORBIDDEN 403
#define HTTP_NOT_FOUND 404

struct programs {
    size_t ingresses, workers;
    char agent[256], routes[256]; // of the first worker
    bool differ;
};

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = json_text(object, name);
    return text ? text : "";
}

// --- programs -----------------------------------------------------------------------------------

static void judge_ingress(const cJSON *status, const char *id, struct findings *findings)
{
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(status, "settings");
    uint64_t spooled = json_count(status, "spool_bytes");
    uint64_t of_events = json_count(status, "spool_events_bytes");
    bool is_open = !text_of(settings, "PINLESS_HMAC_SECRET")[0] &&
                   !strcmp(text_of(settings, "ALLOW_UNSIGNED"), "true");
    if (!cJSON_HasObjectItem(status, "spool_bytes")) {
        findings_note(findings, id,
                      "has no spool: while Redis is away, callers are lost (SPOOL_DIR)");
    } else if (spooled > 0) {
        findings_wrong(findings, id, "see its log: Redis does not take what it spooled",
                       "its spool holds %" PRIu64 " kB of %" PRIu64 " kB",
                       spooled / BYTES_PER_KB + 1,
                       json_count(status, "spool_bytes_max") / BYTES_PER_KB);
    } else if (of_events > 0) {
        findings_wrong(findings, id, "see its log: Redis does not take what it spooled",
                       "its spool holds %" PRIu64 " kB of Daily's events",
                       of_events / BYTES_PER_KB + 1);
    } else {
        findings_fine(findings, id, "its spool is empty");
    }
    if (is_open) {
        findings_wrong(findings, id, "set PINLESS_HMAC_SECRET, and remove ALLOW_UNSIGNED",
                       "takes webhooks without a signature: anybody can forge calls");
    }
}

// The agent and the routes that it was started with.
static void note_worker(struct programs *programs, const cJSON *status, const char *id,
                        struct findings *findings)
{
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(status, "settings");
    const char *url = text_of(settings, "START_URL"), *name = text_of(settings, "AGENT_NAME");
    const char *routes = text_of(settings, "ROUTES_FILE");
    const char *agent = url[0] ? url : name[0] ? name : text_of(settings, "DEMO_START_URL");
    findings_fine(findings, id, "its agent is %.200s; its routes: %.200s", agent,
                  routes[0] ? routes : "none");
    if (programs->workers == 0) {
        snprintf(programs->agent, sizeof programs->agent, "%s", agent);
        snprintf(programs->routes, sizeof programs->routes, "%s", routes);
    }
    programs->differ = programs->differ || strcmp(programs->agent, agent) != 0 ||
                       strcmp(programs->routes, routes) != 0;
    programs->workers++;
}

static void judge_program(struct programs *programs, const redisReply *pair,
                          struct findings *findings)
{
    struct json_document status;
    char id[FINDING_SUBJECT_BYTES];
    view_copy(reply_view_at(pair, 0), id, sizeof id);
    if (json_parse(&status, reply_view_at(pair, 1))) {
        return;
    }
    const char *version = text_of(status.tree, "version");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status.tree, "ready"))) {
        findings_fine(findings, id, "is ready (%" PRIu64 " of %" PRIu64 " in work)",
                      json_count(status.tree, "in_work"), json_count(status.tree, "in_work_max"));
    } else {
        findings_wrong(findings, id, "see its log and its /readyz", "is not ready: %.400s",
                       text_of(status.tree, "not_ready_reason"));
    }
    if (strcmp(version, DIALIN_VERSION) != 0) {
        findings_note(findings, id, "is version %.40s, this tool " DIALIN_VERSION, version);
    }
    if (!strncmp(id, "ingress:", 8)) {
        programs->ingresses++;
        judge_ingress(status.tree, id, findings);
    } else if (!strncmp(id, "worker:", 7)) {
        note_worker(programs, status.tree, id, findings);
    }
    json_release(&status);
}

static void judge_programs(const struct audit *audit, const struct snapshot *snapshot,
                           struct findings *findings)
{
    struct programs programs = {0};
    const char *prefix = audit->settings->redis_prefix;
    for (size_t i = 0; i < snapshot->programs->elements; i++) {
        judge_program(&programs, snapshot->programs->element[i], findings);
    }
    if (programs.ingresses == 0) {
        findings_wrong(findings, "ingress",
                       "start dialin-ingress with this REDIS_URL and REDIS_PREFIX, or read its log",
                       "none has written to this Redis under %.100s in the last 15 s", prefix);
    }
    if (programs.workers == 0) {
        findings_wrong(findings, "worker",
                       "start dialin-worker with this REDIS_URL and REDIS_PREFIX, or read its log",
                       "none has written to this Redis under %.100s in the last 15 s: calls wait "
                       "and are lost",
                       prefix);
    }
    if (programs.differ) {
        findings_note(findings, "worker",
                      "the workers differ in agent or routes: which one takes a call is chance");
    }
}

// --- agents and account -------------------------------------------------------------------------

static const char *remedy_of(unsigned status)
{
    switch (status) {
    case HTTP_UNAUTHORIZED:
    case HTTP_FORBIDDEN:
        return "check PIPECAT_CLOUD_API_KEY or START_API_KEY: the agent does not accept it";
    case HTTP_NOT_FOUND:
        return "check AGENT_NAME or START_URL: there is no such agent";
    default:
        return "see the agent's log; `dialin-audit now` shows who waits";
    }
}

static void judge_agent(const struct snapshot_agent *agent, struct findings *findings)
{
    char subject[FINDING_SUBJECT_BYTES];
    snprintf(subject, sizeof subject, "agent %.80s", agent->name);
    const char *state = snapshot_agent_state_name(agent->state);
    switch (agent->state) {
    case SNAPSHOT_FREE:
        findings_fine(findings, subject, "takes calls");
        break;
    case SNAPSHOT_FULL:
        findings_note(findings, subject,
                      "is full: %" PRIu64 " wait, of whom %" PRIu64 " will be lost by the forecast",
                      agent->waiting, agent->lost);
        break;
    case SNAPSHOT_PAUSED:
        findings_wrong(findings, subject, "dialin-audit resume, when it may take calls again",
                       "an operator has paused it: %" PRIu64 " wait", agent->waiting);
        break;
    case SNAPSHOT_FAILING:
    case SNAPSHOT_REJECTING:
        findings_wrong(findings, subject, remedy_of(agent->http_status),
                       "%s: its last answer was %u %.300s; %" PRIu64 " wait", state,
                       agent->http_status, agent->error, agent->waiting);
        break;
    }
}

static void judge_account(const struct snapshot *snapshot, struct findings *findings)
{
    if (snapshot->difference != 0) {
        findings_wrong(findings, "account", "dialin-audit stats; was the stream trimmed by hand?",
                       "does not add up: %" PRId64 " entries are neither started, dead, duplicate "
                       "nor unfinished",
                       snapshot->difference);
    } else {
        findings_fine(findings, "account", "adds up: %" PRIu64 " entries", snapshot->added);
    }
}

// --- refused webhooks ---------------------------------------------------------------------------

static void judge_refused(struct audit *audit, uint64_t now_ms, struct findings *findings)
{
    const struct entry_id first = {.ms =
                                       now_ms > DOCTOR_REFUSED_MS ? now_ms - DOCTOR_REFUSED_MS : 0};
    const struct entry_id last = {UINT64_MAX, UINT64_MAX};
    redisReply *rows = database_page(audit->database, REDIS_KEY_REFUSED, first, last, NEWEST_FIRST);
    if (!rows) {
        return; // reported already
    }
    for (size_t i = 0; i < rows->elements && i < DOCTOR_REFUSED_MAX; i++) {
        const redisReply *row = rows->element[i], *fields = row->element[1];
        char came[TIME_TEXT_BYTES], code[32], why[400];
        time_text_print_short(entry_id_of(row->element[0]->str).ms, came);
        view_copy(reply_field(fields, "code"), code, sizeof code);
        view_copy(reply_field(fields, "sentence"), why, sizeof why);
        findings_wrong(findings, "refused webhook",
                       "it was genuine, and a caller: dialin-audit refused --json has its body",
                       "%s: %s: %s", came, code, why);
    }
    if (rows->elements == 0) {
        findings_fine(findings, "refused webhook", "none that was genuine in the last 24 hours");
    }
    freeReplyObject(rows);
}

void doctor_record(struct audit *audit, struct findings *findings)
{
    struct snapshot_query query = snapshot_query_all();
    struct snapshot_memory *memory = snapshot_memory_open();
    struct snapshot snapshot;
    redisReply *reply = read_snapshot(audit->database, &query, memory, &snapshot);
    if (!reply) {
        findings_wrong(findings, "record",
                       "the error of Redis says why; if it is NOPERM, give this user of Redis the "
                       "rights of `audit` (common/ship/compose/users.acl.in)",
                       "the queue cannot be read");
    } else {
        judge_programs(audit, &snapshot, findings);
        judge_account(&snapshot, findings);
        for (size_t i = 0; i < snapshot.agent_count; i++) {
            judge_agent(&snapshot.agents[i], findings);
        }
        judge_refused(audit, snapshot.now_ms, findings);
    }
    freeReplyObject(reply);
    snapshot_memory_close(memory);
}
