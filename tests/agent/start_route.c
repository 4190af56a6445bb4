// A start is decided when its request comes and answered when its time has come: the place in the
// pool is taken, and the session counted, in between. So a client that hangs up early leaves a
// session behind, as it does at Pipecat Cloud. Requests that are answered at once, the usual case
// of a benchmark, allocate nothing here.
#include "start_route.h"

#include "answer.h"
#include "json.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct start {
    struct start *next, *previous;
    struct agent *agent;
    struct http_request *request;
    const char *idempotency_key; // NULL: none
    enum request_authorization authorization;
    bool body_is_json;
    bool has_session, is_dialout;
    uint64_t begun_ms;                       // of the session
    char room_url[CONVERSATIONS_ROOM_BYTES]; // of a room that is there already; empty: none
    uint64_t index;                          // in the list of requests
    struct cue *cue;                         // owned; NULL: none
    struct loop_timer *timer;                // NULL: hangs
    struct answer answer;
};

static enum request_authorization judge_authorization(const struct settings *settings,
                                                      const struct http_request *request)
{
    static const char SCHEME[] = "Bearer ";
    const char *header = http_request_header(request, "Authorization");
    if (!header) {
        return AUTHORIZATION_ABSENT;
    }
    bool is_good = !strncmp(header, SCHEME, sizeof SCHEME - 1) &&
                   (!settings->key[0] || !strcmp(header + sizeof SCHEME - 1, settings->key));
    return is_good ? AUTHORIZATION_GOOD : AUTHORIZATION_BAD;
}

// The {agent} of /v1/public/{agent}/start; empty for /start, where one agent runs alone.
static struct bytes_view agent_of(const char *path)
{
    static const char PREFIX[] = "/v1/public/";
    if (strncmp(path, PREFIX, sizeof PREFIX - 1) != 0) {
        return (struct bytes_view){NULL, 0};
    }
    const char *name = path + sizeof PREFIX - 1;
    return (struct bytes_view){name, strcspn(name, "/")};
}

// Is the body JSON? And it may name the room that the bot is to join.
static void read_body(struct start *start)
{
    struct json_document document;
    start->body_is_json = !json_parse(&document, http_request_body(start->request));
    if (!start->body_is_json) {
        return;
    }
    const cJSON *makes_room = cJSON_GetObjectItemCaseSensitive(document.tree, "createDailyRoom");
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(document.tree, "body");
    const cJSON *dialin = cJSON_GetObjectItemCaseSensitive(body, "dialin_settings");
    const cJSON *dialout = cJSON_GetObjectItemCaseSensitive(body, "dialout_settings");
    const char *room_url = cJSON_IsObject(body) ? json_text(body, "room_url") : NULL;
    if (cJSON_IsFalse(makes_room) && room_url) {
        view_copy(view_of_text(room_url), start->room_url, sizeof start->room_url);
    }
    start->is_dialout = dialout && !cJSON_IsNull(dialout) && !cJSON_IsObject(dialin);
    json_release(&document);
}

// --- what the answer is -----------------------------------------------------------------------

// Begins a session; false where the pool is full. A forced one is counted in any case.
static bool begin_session(struct start *start, bool is_forced, bool *is_cold)
{
    struct agent *agent = start->agent;
    const struct settings *settings = &agent->settings;
    uint64_t now_ms = loop_now_ms();
    size_t running = 0;
    if (settings->pool > 0) {
        running = pool_running(agent->pool, now_ms);
        uint64_t places = is_forced ? POOL_SESSIONS_MAX : settings->pool;
        if (!pool_begin(agent->pool, now_ms, places, settings->session_ms) && !is_forced) {
            return false;
        }
    }
    start->has_session = true;
    start->begun_ms = now_ms;
    *is_cold = !agent->has_started || running >= settings->warm;
    agent->has_started = true;
    agent->counters.started++;
    agent->counters.cold += *is_cold;
    if (agent->counters.sessions_max < running + 1) {
        agent->counters.sessions_max = running + 1;
    }
    if (start->idempotency_key) {
        start_counts_add(agent->starts, start->idempotency_key);
    }
    return true;
}

static struct answer decide_by_ourselves(struct start *start)
{
    struct agent *agent = start->agent;
    const struct settings *settings = &agent->settings;
    struct bytes_view name = agent_of(http_request_path(start->request));
    struct answer answer = {.status = 200, .is_session = true};
    agent->counters.refused++;
    if (settings->key[0] && start->authorization == AUTHORIZATION_ABSENT) {
        return answer_error(401, "PCC-1002", "Attempt to start agent without public api key.");
    }
    if (settings->key[0] && start->authorization == AUTHORIZATION_BAD) {
        return answer_error(401, "401", "Unauthorized");
    }
    if (name.len > 0 && !settings_know_agent(settings, name)) {
        return answer_error(404, "404", "Agent deployment not found");
    }
    if (!start->body_is_json) {
        return answer_error(400, "400", "The body is not a JSON object");
    }
    agent->counters.refused--;
    if (settings->error_rate > 0 && chance_hits(&agent->chance, settings->error_rate)) {
        agent->counters.failed++;
        return answer_error((unsigned)settings->error_status, "ERROR-BY-CHANCE",
                            "An error by chance, as error_rate asks for");
    }
    if (!begin_session(start, false, &answer.is_cold)) {
        agent->counters.at_capacity++;
        return answer_at_capacity(settings->capacity_code, settings->retry_after);
    }
    return answer;
}

static bool cue_has_answer(const struct cue *cue)
{
    return cue && (cue->reset || cue->status || cue->garbage || cue->has_body || cue->bytes);
}

static struct answer decide_on_cue(struct start *start)
{
    const struct cue *cue = start->cue;
    unsigned status = cue->reset ? 0 : cue->status ? cue->status : 200;
    struct answer answer = answer_error(status, "ERROR-ON-CUE", "An error on cue");
    if (status == 429) {
        answer = answer_at_capacity(start->agent->settings.capacity_code, NULL);
    }
    if (cue->started || status / 100 == 2) {
        begin_session(start, true, &answer.is_cold);
    }
    bool has_body = cue->garbage || cue->has_body || cue->bytes;
    answer.is_session = !has_body && status / 100 == 2;
    answer.code = has_body ? NULL : answer.code;
    answer.retry_after = cue->retry_after;
    answer.location = cue->location;
    answer.cue = cue;
    return answer;
}

// --- sending it -------------------------------------------------------------------------------

// The bot joins its room: one that was made for it, or the one that the request names.
static void enter_room(struct start *start)
{
    struct agent *agent = start->agent;
    uint64_t session_ms = agent->settings.session_ms;
    start->answer.has_made_room = !start->room_url[0];
    if (start->answer.has_made_room) {
        snprintf(start->room_url, sizeof start->room_url, "https://trial.daily.co/%016llx",
                 (unsigned long long)chance_next(&agent->chance));
    }
    start->answer.room_url = start->room_url;
    conversations_begin(agent->conversations, start->room_url, start->is_dialout,
                        session_ms ? start->begun_ms + session_ms : UINT64_MAX);
}

// Answers, and gives back what the start owns, but not its own memory.
static void finish(struct start *start)
{
    struct agent *agent = start->agent;
    const struct answer *answer = &start->answer;
    if (start->has_session) {
        enter_room(start);
    }
    agent->counters.statuses[answer->status]++;
    request_list_answered(agent->requests, start->index, answer->status);
    agent->counters.reset += answer->status == 0;
    answer_send(answer, start->request, &agent->chance);
    free(start->cue);
}

// --- waiting ----------------------------------------------------------------------------------

static void unlink_start(struct start *start)
{
    struct agent *agent = start->agent;
    *(start->previous ? &start->previous->next : &agent->waiting) = start->next;
    if (start->next) {
        start->next->previous = start->previous;
    }
    *(start->timer ? &agent->delayed : &agent->hanging) -= 1;
    loop_timer_close(start->timer);
    start->timer = NULL;
}

static void time_has_come(void *arg)
{
    struct start *start = arg;
    unlink_start(start);
    finish(start);
    free(start);
}

static struct start *park(const struct start *start)
{
    struct agent *agent = start->agent;
    struct start *parked = memory_zeroed(sizeof *parked);
    *parked = *start;
    parked->previous = NULL;
    parked->next = agent->waiting;
    if (parked->next) {
        parked->next->previous = parked;
    }
    agent->waiting = parked;
    if (agent->counters.waiting_max < agent->delayed + agent->hanging + 1) {
        agent->counters.waiting_max = agent->delayed + agent->hanging + 1;
    }
    return parked;
}

static void decide_and_answer(struct start *start)
{
    struct agent *agent = start->agent;
    const struct settings *settings = &agent->settings;
    bool is_on_cue = cue_has_answer(start->cue);
    agent->counters.cued += start->cue != NULL;
    start->answer = is_on_cue ? decide_on_cue(start) : decide_by_ourselves(start);
    uint64_t delay_ms = settings->latency_ms + (start->cue ? start->cue->delay_ms : 0) +
                        (start->answer.is_cold ? settings->cold_start_ms : 0);
    if (settings->latency_jitter_ms > 0) {
        delay_ms += chance_up_to(&agent->chance, settings->latency_jitter_ms);
    }
    if (delay_ms == 0) {
        finish(start);
        return;
    }
    struct start *parked = park(start);
    parked->timer = loop_timer_open(agent->loop, time_has_come, parked);
    agent->delayed++;
    loop_timer_start(parked->timer, delay_ms);
}

void start_route_on_request(struct http_request *request, void *arg)
{
    struct agent *agent = arg;
    struct start start = {
        .agent = agent,
        .request = request,
        .idempotency_key = http_request_header(request, "Idempotency-Key"),
        .authorization = judge_authorization(&agent->settings, request),
        .body_is_json = true,
        .index = REQUEST_LIST_NONE,
    };
    http_request_is_genuine(request); // the agent keeps every client's connection
    agent->counters.requests++;
    if (agent->settings.keep > 0) {
        read_body(&start);
        const struct request_seen seen = {
            .path = http_request_path(request),
            .idempotency_key = start.idempotency_key,
            .authorization = start.authorization,
            .body = http_request_body(request),
            .body_is_json = start.body_is_json,
        };
        start.index = request_list_add(agent->requests, &seen);
    }
    if (cues_count(agent->cues) > 0) {
        start.cue = cues_take(agent->cues, start.idempotency_key, &agent->chance);
    }
    if (start.cue && start.cue->hang) {
        park(&start);
        agent->hanging++;
        return;
    }
    decide_and_answer(&start);
}

void start_route_release(struct agent *agent)
{
    struct start *next;
    for (struct start *start = agent->waiting; start; start = next) {
        next = start->next;
        if (!start->timer) {
            unlink_start(start);
            decide_and_answer(start);
            free(start);
        }
    }
}

void start_route_abort(struct agent *agent)
{
    struct start *next = NULL;
    for (struct start *start = agent->waiting; start; start = next) {
        next = start->next;
        unlink_start(start);
        start->answer = (struct answer){.status = 0};
        finish(start);
        free(start);
    }
}
