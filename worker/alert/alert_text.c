// The sentences of alert_watch.h: the problem, how many, since when, and the next step.
#include "alert_watch.h"
#include "mask.h"

#include <inttypes.h>
#include <time.h>

#define MS_PER_S 1000
#define TIME_BYTES 40
#define NAME_BYTES_MAX 120

// The day only if it is another one.
static void put_since(const struct alert_facts *facts, struct bytes *out)
{
    char text[TIME_BYTES];
    struct tm since, now;
    time_t since_s = (time_t)(facts->since_ms / MS_PER_S);
    time_t now_s = (time_t)(facts->now_ms / MS_PER_S);
    gmtime_r(&since_s, &since);
    gmtime_r(&now_s, &now);
    bool is_today = since.tm_yday == now.tm_yday && since.tm_year == now.tm_year;
    strftime(text, sizeof text, is_today ? "%H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S UTC", &since);
    bytes_printf(out, " since %s", text);
}

static void put_count(uint64_t count, const char *one, const char *many, struct bytes *out)
{
    bytes_printf(out, "%" PRIu64 " %s", count, count == 1 ? one : many);
}

// A name may hold a number, as an agent's does that is named after its URL. Long ones are cut, so
// that the whole message fits.
static void put_name(const struct alert_agent *agent, struct bytes *out)
{
    struct bytes_view name = view_of_text(agent->name);
    bool is_long = name.len > NAME_BYTES_MAX;
    name.len = is_long ? NAME_BYTES_MAX : name.len;
    mask_text(name, out);
    bytes_append_text(out, is_long ? "\xe2\x80\xa6" : "");
}

// "sales (3), support (1) and 2 more"
static void put_agents(const struct alert_facts *facts, struct bytes *out)
{
    for (size_t i = 0; i < facts->agent_count; i++) {
        bytes_append_text(out, i > 0 ? ", " : "");
        put_name(&facts->agents[i], out);
        bytes_printf(out, " (%" PRIu64 ")", facts->agents[i].count);
    }
    if (facts->agents_left_out > 0) {
        bytes_printf(out, " and %zu more", facts->agents_left_out);
    }
}

static void put_at_risk(const struct alert_facts *facts, struct bytes *out)
{
    for (size_t i = 0; i < facts->agent_count; i++) {
        const struct alert_agent *agent = &facts->agents[i];
        bytes_append_text(out, i > 0 ? "; of the " : "Of the ");
        put_count(agent->count, "caller who waits for ", "callers who wait for ", out);
        put_name(agent, out);
        if (agent->lost > 0) {
            bytes_printf(out, " about %" PRIu64 " will be lost at its present rate", agent->lost);
        } else {
            bytes_printf(out, " one has waited for %" PRIu64 " s", agent->oldest_ms / MS_PER_S);
        }
    }
    if (facts->agents_left_out > 0) {
        bytes_printf(out, "; and %zu agents more", facts->agents_left_out);
    }
}

static void put_what(enum alert_kind kind, const struct alert_facts *facts, struct bytes *out)
{
    switch (kind) {
    case ALERT_WEBHOOKS_REFUSED:
        put_count(facts->count, "webhook has been refused", "webhooks have been refused", out);
        break;
    case ALERT_CALLERS_LOST:
        put_count(facts->count, "caller has been lost", "callers have been lost", out);
        break;
    case ALERT_CALLERS_WILL_BE_LOST:
        put_at_risk(facts, out);
        break;
    case ALERT_SERVICE_LEVEL_LOW:
        bytes_printf(out,
                     "Fewer than 80 %% of the callers of the last 15 minutes have been served "
                     "within 20 s, now %" PRIu64 " %% of %" PRIu64 ",",
                     facts->offered > 0 ? facts->served * 100 / facts->offered : 0, facts->offered);
        break;
    case ALERT_AGENT_REJECTS_US:
        put_count(facts->count, "request has been rejected as not allowed by ",
                  "requests have been rejected as not allowed by ", out);
        put_agents(facts, out);
        break;
    case ALERT_AGENT_FAILS:
        put_count(facts->count, "request has failed at ", "requests have failed at ", out);
        put_agents(facts, out);
        break;
    case ALERT_OUTCOMES_UNKNOWN:
        put_count(facts->count, "request has had no answer from ",
                  "requests have had no answer from ", out);
        put_agents(facts, out);
        break;
    case ALERT_CALLS_REJECTED:
        put_count(facts->count, "call has ended rejected or invalid",
                  "calls have ended rejected or invalid", out);
        break;
    case ALERT_NEVER_CONNECTED:
        put_count(facts->count, "bot has been started whose caller never reached it",
                  "bots have been started whose callers never reached them", out);
        break;
    case ALERT_KIND_COUNT:
        break;
    }
}

static const char *remedy_of(enum alert_kind kind)
{
    switch (kind) {
    case ALERT_WEBHOOKS_REFUSED:
        return "Each is a lost caller: `dialin-audit refused` lists the genuine ones, and the "
               "ingress' log has the reasons.";
    case ALERT_CALLERS_LOST:
        return "No bot was started before their hold ended: `dialin-audit now` shows who waits; if "
               "the agent is full, raise its pool.";
    case ALERT_CALLERS_WILL_BE_LOST:
        return "Raise the agent's pool; `dialin-audit now` shows who waits.";
    case ALERT_SERVICE_LEVEL_LOW:
        return "The agent's pool is too small, or it starts slowly: `dialin-audit staffing` says "
               "how many sessions are needed.";
    case ALERT_AGENT_REJECTS_US:
        return "Check START_URL or AGENT_NAME, and the key; the worker's log has the answer.";
    case ALERT_AGENT_FAILS:
        return "There was no connection, a timeout or an error of its own: the worker's log names "
               "it.";
    case ALERT_OUTCOMES_UNKNOWN:
        return "A bot may have started for each, so second bots are possible: look at the agent's "
               "own log.";
    case ALERT_CALLS_REJECTED:
        return "`dialin-audit dead list` shows them with the agent's answer.";
    case ALERT_NEVER_CONNECTED:
        return "Does the bot get DAILY_API_KEY, and does it pull the held call into its room? The "
               "worker's log names the calls. If an ingress is cut off from Redis, their "
               "events may only be late: the verdict is corrected when they come.";
    case ALERT_KIND_COUNT:
        break;
    }
    return "";
}

void alert_text(enum alert_kind kind, const struct alert_facts *facts, const char *where,
                struct bytes *out)
{
    bytes_append_text(out, "dialin");
    if (where[0]) {
        bytes_printf(out, " %s", where);
    }
    bytes_append_text(out, ": ");
    put_what(kind, facts, out);
    put_since(facts, out);
    bytes_printf(out, ". %s", remedy_of(kind));
}
