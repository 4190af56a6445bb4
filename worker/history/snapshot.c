// See snapshot.h.
#include "snapshot.h"

#include <inttypes.h>
#include <string.h>

#define MS_PER_MINUTE 60000
#define HTTP_FULL 429

struct snapshot_query snapshot_query_all(void)
{
    return (struct snapshot_query){
        .walk = FORECAST_WALK_MAX,
        .waiting = SNAPSHOT_WAITING_MAX,
        .programs = true,
        .minutes_back = SNAPSHOT_MINUTES_BACK,
    };
}

// --- reading a reply ---------------------------------------------------------------------------

// The members of snapshot.lua's answer, and of its parts.
enum { NOW, QUEUE, COUNTS, AGENTS, WAITING, PROGRAMS, EVENTS, SAMPLE };
enum { ADDED, UNREAD, PENDING, IN_QUEUES, WORKERS, UNREAD_SINCE, OLDEST_KEPT };
enum { NAME, AGENT_WAITING, PAUSED, STARTS, SPAN, PACE, LAST_HOLD, RANG, HOLDS, DIALINS, SCORE };
enum { WINDOW, NEXT, REFUSALS, FAILURES, SLOWED, STATUS, PROBLEM };
enum { CALL_AGENT, PLACE, CALL_ID, HOLD, CALL };
enum { FROM, TO, KIND, RECEIVED, ATTEMPTS, HTTP_STATUS, CALL_ERROR };

#define AGENT_SHAPE "(sn?snn(?s?s?s?s?s?s?s)sn[s]ns)"
#define WAITING_SHAPE "(nnss?(?s?s?s?s?s?s?s))"
#define SHAPE                                                                                      \
    "(n(ninnnnn)" REPLY_FIELDS "[" AGENT_SHAPE "][" WAITING_SHAPE "][(ss)]" REPLY_ROWS "[.])"

static uint64_t number_at(const redisReply *list, size_t place)
{
    return (uint64_t)list->element[place]->integer;
}

static uint64_t text_number_at(const redisReply *list, size_t place)
{
    return view_number(reply_view_at(list, place));
}

static const char *text_at(const redisReply *list, size_t place)
{
    const redisReply *text = list ? list->element[place] : NULL;
    return !text || text->type == REDIS_REPLY_NIL ? "" : text->str;
}

static uint64_t left(uint64_t later_ms, uint64_t earlier_ms)
{
    return later_ms > earlier_ms ? later_ms - earlier_ms : 0;
}

static enum snapshot_agent_state state_of(const struct snapshot_agent *agent, bool is_paused)
{
    unsigned status = agent->http_status;
    bool is_refused = agent->refusals > 0 || agent->failures > 0;
    if (is_paused) {
        return SNAPSHOT_PAUSED;
    }
    if (!is_refused || status == HTTP_FULL) {
        return agent->waiting > 0 || is_refused ? SNAPSHOT_FULL : SNAPSHOT_FREE;
    }
    bool is_failing = status < 300 || status >= 500 || status == 408 || status == 425;
    return is_failing ? SNAPSHOT_FAILING : SNAPSHOT_REJECTING;
}

// `<when in ms> <by whom>`
static void read_pause(struct snapshot_agent *agent, const char *text)
{
    const char *by = strchr(text, ' ');
    agent->paused_ms = by ? view_number((struct bytes_view){text, (size_t)(by - text)}) : 0;
    agent->paused_by = by ? by + 1 : "";
}

static void read_agent(struct snapshot_agent *agent, const redisReply *row, uint64_t now_ms)
{
    const redisReply *pace = row->element[PACE];
    uint64_t rang_ms = number_at(row, RANG);
    *agent = (struct snapshot_agent){
        .name = text_at(row, NAME),
        .waiting = number_at(row, AGENT_WAITING),
        .callers = number_at(row, DIALINS),
        .oldest_ms = rang_ms > 0 ? left(now_ms, rang_ms) : 0,
        .starts = number_at(row, STARTS),
        .starts_ms = number_at(row, SPAN),
        .window = text_number_at(pace, WINDOW),
        .next_in_ms = left(text_number_at(pace, NEXT), now_ms),
        .refusals = text_number_at(pace, REFUSALS),
        .failures = text_number_at(pace, FAILURES),
        .http_status = (unsigned)text_number_at(pace, STATUS),
        .error = text_at(pace, PROBLEM),
    };
    agent->has_rate = agent->starts > 0;
    read_pause(agent, text_at(row, PAUSED));
    agent->state = state_of(agent, row->element[PAUSED]->type != REDIS_REPLY_NIL);
}

static void read_call(struct snapshot_call *call, const redisReply *row, const redisReply *fields,
                      uint64_t now_ms)
{
    uint64_t received_ms = text_number_at(fields, RECEIVED);
    uint64_t hold_end_ms = text_number_at(row, HOLD);
    *call = (struct snapshot_call){
        .agent = number_at(row, CALL_AGENT) - 1,
        .place = number_at(row, PLACE),
        .call_id = text_at(row, CALL_ID),
        .from = text_at(fields, FROM),
        .to = text_at(fields, TO),
        .kind = text_at(fields, KIND),
        .error = text_at(fields, CALL_ERROR),
        .waited_ms = received_ms > 0 ? left(now_ms, received_ms) : 0,
        .hold_left_ms = left(hold_end_ms, now_ms),
        .hold_ms = received_ms > 0 ? left(hold_end_ms, received_ms) : 0,
        .attempts = text_number_at(fields, ATTEMPTS),
        .http_status = (unsigned)text_number_at(fields, HTTP_STATUS),
    };
}

// Those named calls that stand at this place of this agent's queue get the verdict.
static void note_verdict(struct snapshot *snapshot, size_t agent, uint64_t place,
                         enum forecast_verdict verdict, uint64_t in_ms)
{
    for (size_t i = 0; i < snapshot->call_count; i++) {
        struct snapshot_call *call = &snapshot->calls[i];
        if (call->agent == agent && call->place == place) {
            call->verdict = verdict;
            call->served_in_ms = in_ms;
        }
    }
}

// Beyond those that were walked through just now, by what the last deep walk found: all of them are
// dial-ins. Returns how many.
static uint64_t walk_deep(struct forecast *forecast, struct snapshot_agent *agent, uint64_t score,
                          uint64_t now_ms, uint64_t max, const struct snapshot_memory *memory)
{
    const struct forecast_caller *callers = NULL;
    size_t count = snapshot_memory_deep(memory, agent->name, &callers);
    uint64_t lost = forecast->lost;
    size_t walked = forecast_deep(forecast, callers, count, score, now_ms, max);
    agent->lost += forecast->lost - lost;
    return walked;
}

// Nobody of a paused agent's queue is served before somebody resumes it. Lost callers are dial-ins:
// who called out, or is called back, is not on hold.
static void forecast_agent(struct snapshot *snapshot, size_t number, const redisReply *row,
                           struct snapshot_memory *memory)
{
    struct snapshot_agent *agent = &snapshot->agents[number];
    const redisReply *holds = row->element[HOLDS];
    struct forecast forecast;
    uint64_t in_ms = 0, dialins = number_at(row, DIALINS);
    if (agent->state == SNAPSHOT_PAUSED) {
        agent->has_rate = false;
    }
    forecast_begin(&forecast, agent->has_rate ? agent->starts : 0, agent->starts_ms);
    for (size_t i = 0; i < holds->elements; i++) {
        uint64_t left_ms = left(text_number_at(holds, i), snapshot->now_ms);
        enum forecast_verdict verdict = forecast_next(&forecast, left_ms, &in_ms);
        if (i < dialins) {
            agent->lost = forecast.lost;
            agent->hold_left_ms = forecast.least_left_ms;
        }
        if (i < SNAPSHOT_WAITING_MAX) {
            note_verdict(snapshot, number, i + 1, verdict, in_ms);
        }
    }
    uint64_t rest = left(dialins, holds->elements);
    if (rest > 0) {
        snapshot_memory_note_line(memory, agent->name, holds->elements, dialins);
        rest -=
            walk_deep(&forecast, agent, text_number_at(row, SCORE), snapshot->now_ms, rest, memory);
        agent->hold_left_ms = holds->elements > 0 ? forecast.least_left_ms : 0;
    }
    uint64_t last_left_ms = left(text_number_at(row, LAST_HOLD), snapshot->now_ms);
    agent->lost += forecast_rest(&forecast, rest, last_left_ms);
}

static uint64_t lost_of(const redisReply *counts)
{
    static const char *const REASONS[] = {"dead:expired", "dead:unknown", "dead:rejected",
                                          "dead:invalid"};
    uint64_t lost = 0;
    for (size_t i = 0; i < sizeof REASONS / sizeof REASONS[0]; i++) {
        lost += view_number(reply_field(counts, REASONS[i]));
    }
    return lost;
}

static void read_span(struct snapshot *snapshot, const redisReply *sample)
{
    struct snapshot_span *span = &snapshot->span;
    struct waited earlier;
    if (!reply_has_shape(sample, "(n" REPLY_FIELDS ")")) {
        return;
    }
    const redisReply *counts = sample->element[1];
    waited_read(&earlier, counts);
    span->waited = snapshot->waited_ever;
    waited_since(&span->waited, &earlier);
    span->ms = left(snapshot->now_ms, view_number(reply_field(counts, "at_ms")));
    span->started = left(snapshot->started, view_number(reply_field(counts, "started")));
    span->lost = left(snapshot->lost_ever, lost_of(counts));
    struct conversations before;
    conversations_read(&before, counts);
    conversations_read(&span->conversations, snapshot->counts);
    conversations_since(&span->conversations, &before);
}

static void read_queue(struct snapshot *snapshot, const redisReply *queue)
{
    const redisReply *counts = snapshot->counts;
    uint64_t since_ms = number_at(queue, UNREAD_SINCE);
    snapshot->added = number_at(queue, ADDED);
    snapshot->unread = queue->element[UNREAD]->integer;
    snapshot->pending = number_at(queue, PENDING);
    snapshot->waiting = number_at(queue, IN_QUEUES);
    snapshot->workers = number_at(queue, WORKERS);
    snapshot->unread_ms = since_ms > 0 ? left(snapshot->now_ms, since_ms) : 0;
    snapshot->record_oldest_ms = number_at(queue, OLDEST_KEPT);
    snapshot->started = view_number(reply_field(counts, "started"));
    snapshot->dead = view_number(reply_field(counts, "dead"));
    snapshot->duplicate = view_number(reply_field(counts, "duplicate"));
    snapshot->lost_ever = lost_of(counts);
    waited_read(&snapshot->waited_ever, counts);
    snapshot->ended_unread = view_number(reply_field(counts, "ended_unread"));
    if (snapshot->unread >= 0) {
        uint64_t open = snapshot->pending + (uint64_t)snapshot->unread;
        snapshot->ended_unread = snapshot->ended_unread < open ? snapshot->ended_unread : open;
        uint64_t known = snapshot->started + snapshot->dead + snapshot->duplicate + open -
                         snapshot->ended_unread;
        snapshot->difference = (int64_t)(snapshot->added - known);
    }
}

bool snapshot_read(struct snapshot *snapshot, redisReply *reply, struct snapshot_memory *memory)
{
    *snapshot = (struct snapshot){0};
    if (!reply_has_shape(reply, SHAPE)) {
        return false;
    }
    const redisReply *agents = reply->element[AGENTS], *waiting = reply->element[WAITING];
    snapshot->now_ms = number_at(reply, NOW);
    snapshot->counts = reply->element[COUNTS];
    snapshot->programs =
        snapshot_memory_take_slow(memory, SNAPSHOT_PROGRAMS, &reply->element[PROGRAMS]);
    snapshot->events = reply->element[EVENTS];
    read_queue(snapshot, reply->element[QUEUE]);
    read_span(snapshot,
              snapshot_memory_take_slow(memory, SNAPSHOT_SAMPLE, &reply->element[SAMPLE]));
    for (size_t i = 0; i < agents->elements && i < SNAPSHOT_AGENTS_MAX; i++) {
        read_agent(&snapshot->agents[i], agents->element[i], snapshot->now_ms);
        snapshot->agent_count++;
    }
    snapshot_memory_take_calls(memory, waiting, CALL_ID, CALL);
    for (size_t i = 0; i < waiting->elements && i < SNAPSHOT_WAITING_MAX; i++) {
        struct snapshot_call *call = &snapshot->calls[snapshot->call_count];
        read_call(call, waiting->element[i], snapshot_memory_fields(memory, i), snapshot->now_ms);
        snapshot->call_count += call->agent < snapshot->agent_count;
    }
    snapshot_memory_begin_lines(memory);
    for (size_t i = 0; i < snapshot->agent_count; i++) {
        snapshot->dialouts += left(snapshot->agents[i].waiting, snapshot->agents[i].callers);
        forecast_agent(snapshot, i, agents->element[i], memory);
    }
    return true;
}

const char *snapshot_agent_state_name(enum snapshot_agent_state state)
{
    static const char *const NAMES[] = {
        [SNAPSHOT_FREE] = "free",       [SNAPSHOT_FULL] = "full",
        [SNAPSHOT_FAILING] = "failing", [SNAPSHOT_REJECTING] = "rejects us",
        [SNAPSHOT_PAUSED] = "paused",
    };
    return NAMES[state];
}
