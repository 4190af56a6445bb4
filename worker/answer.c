// See answer.h. The agent may put a token anywhere, into a room's URL for instance: whatever is
// kept of its answer is redacted first.
#include "answer.h"

#include "redirect.h"
#include "retry.h"

#include <stdio.h>
#include <sys/random.h>

#define MS_PER_S 1000
#define CUT_SLACK_MS 20 // a timeout may fire this much before the end of the hold

static void copy_redacted(const char *text, const struct redact_secrets *secrets, char *out,
                          size_t size)
{
    struct bytes redacted;
    bytes_init(&redacted, size - 1);
    redact(view_of_text(text), secrets, &redacted);
    snprintf(out, size, "%s", bytes_text(&redacted));
    bytes_release(&redacted);
}

static const char *error_of(const struct start_answer *answer)
{
    return answer->http->outcome == HTTP_UNKNOWN ? "unknown outcome"
           : answer->http->error                 ? answer->http->error
                                                 : answer->flaw;
}

static void set_misconfigured(struct call *call, const struct http_answer *http,
                              const struct redact_secrets *secrets)
{
    char target[REDIRECT_TARGET_BYTES], redacted[REDIRECT_TARGET_BYTES], error[256];
    redirect_target(http->location, target);
    copy_redacted(target, secrets, redacted, sizeof redacted);
    snprintf(error, sizeof error, "the agent redirects to %s, which is not followed", redacted);
    bool is_redirect = http->status / 100 == 3 && redacted[0];
    call_set_outcome(call, OUTCOME_LINE, "",
                     is_redirect ? error : "the agent rejects our configuration");
}

static void set_outcome(struct call *call, enum retry_decision decision,
                        const struct start_answer *answer, const struct redact_secrets *secrets)
{
    struct outcome *outcome = &call->outcome;
    switch (decision) {
    case RETRY_STARTED:
        call_set_outcome(call, OUTCOME_STARTED, "", answer->flaw);
        copy_redacted(answer->session_id, secrets, outcome->session_id, sizeof outcome->session_id);
        copy_redacted(call->facts.room_url[0] ? call->facts.room_url : answer->room_url, secrets,
                      outcome->room_url, sizeof outcome->room_url);
        return;
    case RETRY_REJECTED:
        call_set_outcome(call, OUTCOME_REJECTED, "rejected", "the agent rejected this request");
        return;
    case RETRY_TOO_LARGE:
        call_set_outcome(call, OUTCOME_DEAD, "rejected", "this request is too large for the agent");
        return;
    case RETRY_CUT:
        call_set_outcome(call, OUTCOME_DEAD, "expired", error_of(answer));
        return;
    case RETRY_CONFIGURATION:
        set_misconfigured(call, answer->http, secrets);
        return;
    case RETRY_FULL:
        call_set_outcome(call, OUTCOME_LINE, "", error_of(answer));
        return;
    case RETRY_OWN_FAULT:
    case RETRY_FAILED:
    case RETRY_LINE:
        call_set_outcome(call, OUTCOME_AGAIN, "", error_of(answer));
        return;
    }
}

static enum agent_problem problem_of(enum retry_decision decision)
{
    switch (decision) {
    case RETRY_CONFIGURATION:
        return AGENT_REJECTS_US;
    case RETRY_FAILED:
    case RETRY_LINE:
        return AGENT_FAILS;
    case RETRY_STARTED:
    case RETRY_FULL:
    case RETRY_CUT:
    case RETRY_OWN_FAULT:
    case RETRY_REJECTED:
    case RETRY_TOO_LARGE:
        break;
    }
    return AGENT_IS_WELL;
}

static enum retry_decision decide(const struct call *call, const struct start_answer *answer,
                                  const struct answer_context *context, struct retry_delay *delay)
{
    bool is_cut_off = reach_is_cut_off(context->reach, call->place.agent->route.agent);
    struct retry_situation situation = {
        .status = answer->http->status,
        .body = answer->http->body,
        .retry_after = answer->http->retry_after,
        .wall_s = loop_wall_ms() / MS_PER_S,
        .failures = call->failures,
        .is_hold_over = hold_left_ms(&call->hold) <= CUT_SLACK_MS,
        .is_own_fault =
            answer->http->came_too_late || (is_cut_off && answer->http->outcome == HTTP_NOT_SENT),
    };
    (void)!getrandom(&situation.chance, sizeof situation.chance, GRND_NONBLOCK);
    return retry_decide(&situation, delay);
}

// A request that never left is none.
static void count_attempt(const struct call *call, enum retry_decision decision,
                          const struct http_answer *http, struct call_metrics *metrics)
{
    static const enum call_attempt_result RESULTS[] = {
        [RETRY_STARTED] = CALL_ATTEMPT_STARTED,
        [RETRY_FULL] = CALL_ATTEMPT_FULL,
        [RETRY_CONFIGURATION] = CALL_ATTEMPT_MISCONFIGURED,
        [RETRY_REJECTED] = CALL_ATTEMPT_REJECTED,
        [RETRY_TOO_LARGE] = CALL_ATTEMPT_REJECTED,
        [RETRY_FAILED] = CALL_ATTEMPT_FAILED,
        [RETRY_LINE] = CALL_ATTEMPT_FAILED,
        [RETRY_OWN_FAULT] = CALL_ATTEMPT_FAILED,
        [RETRY_CUT] = CALL_ATTEMPT_FAILED,
    };
    bool is_unknown = http->outcome == HTTP_UNKNOWN;
    if (decision != RETRY_OWN_FAULT || http->outcome != HTTP_NOT_SENT) {
        call_metrics_count_attempt(
            metrics, call, is_unknown ? CALL_ATTEMPT_UNKNOWN : RESULTS[decision], http->latency_us);
    }
}

static void note(const struct call *call, enum retry_decision decision,
                 const struct start_answer *answer, const struct answer_context *context)
{
    enum agent_problem problem = problem_of(decision);
    reach_note_attempt(context->reach, call->place.agent->route.agent, answer->http);
    count_attempt(call, decision, answer->http, context->metrics);
    *context->metrics->failed_attempts += problem == AGENT_FAILS;
    if (decision != RETRY_CUT && decision != RETRY_OWN_FAULT &&
        decision != RETRY_REJECTED) { // of which `finish` sees more than this call
        agent_health_note(context->health, problem, call->place.agent->route.agent,
                          answer->http->status, call->outcome.error);
    }
}

void answer_take(struct call *call, const struct start_answer *answer,
                 const struct answer_context *context)
{
    struct outcome *outcome = &call->outcome;
    struct retry_delay delay;
    redact_secrets_add(context->secrets, call->place.agent->route.api_key);
    enum retry_decision decision = decide(call, answer, context, &delay);
    bool is_failure = decision == RETRY_FAILED || decision == RETRY_LINE;
    call->failures = is_failure                    ? call->failures + 1
                     : decision == RETRY_OWN_FAULT ? call->failures
                                                   : 0;
    set_outcome(call, decision, answer, context->secrets);
    outcome->attempt = call->attempt;
    outcome->http_status = answer->http->status;
    outcome->latency_ms = answer->http->latency_us / 1000;
    outcome->failures = call->failures;
    outcome->unanswered = answer->http->outcome == HTTP_UNKNOWN;
    outcome->retry_after_ms = delay.retry_after_ms;
    outcome->again_after_ms = delay.backoff_ms;
    outcome->lines_up = decision == RETRY_LINE;
    outcome->is_down = decision == RETRY_LINE || decision == RETRY_CONFIGURATION;
    outcome->agent_failed = is_failure;
    redact(bytes_view(&call->request), context->secrets, &outcome->request);
    redact(answer->http->body, context->secrets, &outcome->response);
    note(call, decision, answer, context);
}

void answer_take_verdict(struct call *call, enum record_verdict verdict, unsigned ms, bool flag,
                         struct agent_health *health)
{
    struct outcome *outcome = &call->outcome;
    const char *agent = call->place.agent->route.agent;
    if (outcome->name == OUTCOME_REJECTED) {
        agent_health_note(health, flag ? AGENT_REJECTS_CALLS : AGENT_IS_WELL, agent,
                          (unsigned)outcome->http_status, outcome->error);
        outcome->name = verdict == RECORD_AGAIN      ? OUTCOME_AGAIN
                        : verdict == RECORD_LINED_UP ? OUTCOME_LINE
                                                     : OUTCOME_DEAD;
        outcome->again_after_ms = verdict == RECORD_AGAIN ? ms : 0;
    }
    if (verdict == RECORD_STARTED) { // a late answer of another worker's request
        call_set_outcome(call, OUTCOME_STARTED, "", "");
    } else if (verdict == RECORD_ABANDONED) {
        call_set_outcome(call, OUTCOME_DEAD, "abandoned", "the caller hung up while waiting");
    } else if (verdict == RECORD_UNKNOWN && outcome->name != OUTCOME_DEAD) {
        call_set_outcome(call, OUTCOME_DEAD, "unknown",
                         "the caller hung up while waiting, and a request had no answer");
    } else if (verdict == RECORD_UNKNOWN || verdict == RECORD_REJECTED ||
               verdict == RECORD_SERVED) {
        outcome->reason = verdict == RECORD_UNKNOWN    ? "unknown"
                          : verdict == RECORD_REJECTED ? "rejected"
                                                       : "served";
    }
}
