// dialin-audit replay: puts recorded webhooks through again. First it counts the calls it would
// replay, and without --yes that is all. To another agent it goes under a prefix of its own, with a
// worker of its own; the live queue sees nothing of it.
#include "command.h"
#include "interrupt.h"
#include "json_line.h"
#include "loop.h"
#include "time_text.h"
#include "replay_agent.h"
#include "replay_routes.h"
#include "replay_run.h"
#include "replay_worker.h"
#include "route.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_S 1000
#define WORKER_READY_S 20
#define BYTES_A_CALL 4096     // that a replay adds to Redis; measured: about 2,500
#define MEMORY_PERCENT_MAX 60 // of maxmemory: above 70 the live record would be trimmed for it
#define READY_LOOK_US 50000

// --- the plan -----------------------------------------------------------------------------------

struct plan {
    const struct audit *audit;
    uint64_t now_ms;
    uint64_t calls;
    uint64_t first_ms, last_ms; // received
    uint64_t unusable, replays; // left out: entries with a flaw, and replays themselves
    uint64_t callbacks;         // left out: nobody sent them
    uint64_t gone, not_dead;    // left out with --live
};

static bool can_hold(const struct plan *plan, const struct recorded_call *call)
{
    uint64_t hold_s = audit_settings_hold_s(plan->audit->settings, call->webhook.kind);
    return call->received_ms + hold_s * MS_PER_S > plan->now_ms;
}

enum fitness { FIT, UNUSABLE, A_REPLAY, A_CALLBACK, NOT_DEAD, GONE };

static enum fitness fitness_of(const struct plan *plan, const struct recorded_call *call)
{
    bool is_live = plan->audit->options->live;
    return call->flaw                                ? UNUSABLE
           : call->webhook.replay_of.len > 0         ? A_REPLAY
           : call->webhook.callback_of.len > 0       ? A_CALLBACK
           : is_live && call->state != RECORDED_DEAD ? NOT_DEAD
           : is_live && !can_hold(plan, call)        ? GONE
                                                     : FIT;
}

static bool on_planned(const struct recorded_call *call, void *arg)
{
    struct plan *plan = arg;
    switch (fitness_of(plan, call)) {
    case UNUSABLE:
        plan->unusable++;
        break;
    case A_REPLAY:
        plan->replays++;
        break;
    case A_CALLBACK:
        plan->callbacks++;
        break;
    case NOT_DEAD:
        plan->not_dead++;
        break;
    case GONE:
        plan->gone++;
        break;
    case FIT:
        plan->first_ms = plan->calls++ == 0 ? call->received_ms : plan->first_ms;
        plan->last_ms = call->received_ms > plan->last_ms ? call->received_ms : plan->last_ms;
        break;
    }
    return true;
}

static void print_left_out(const char *what, uint64_t count)
{
    if (count > 0) {
        screen_complain("%" PRIu64 " left out: %s", count, what);
    }
}

static void print_plan(const struct plan *plan)
{
    const struct options *options = plan->audit->options;
    char first[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES], takes[TIME_TEXT_BYTES];
    print_left_out("replays themselves", plan->replays);
    print_left_out("call backs: they follow from other calls", plan->callbacks);
    print_left_out("their entries cannot be used (dialin-audit show says why)", plan->unusable);
    print_left_out("not dead; --live is for dead calls only", plan->not_dead);
    print_left_out("their callers have gone", plan->gone);
    if (plan->calls == 0) {
        screen_complain("there is nothing to replay");
        return;
    }
    bool has_json = options->json;
    time_text_print(plan->first_ms, first);
    time_text_print(plan->last_ms, last);
    screen_note(has_json, "%s %" PRIu64 " calls, received from %s to %s, to %s",
                options->yes ? "replaying" : "would replay", plan->calls, first, last,
                options->live ? "the live agent" : options->to_url);
    if (options->live) {
        screen_note(has_json, " at once");
    } else if (options->speed > 0) {
        double span_ms = (double)(plan->last_ms - plan->first_ms) / options->speed;
        time_text_print_span((uint64_t)span_ms, takes);
        screen_note(has_json, " within %s (speed %g)", takes, options->speed);
    } else {
        screen_note(has_json, " as fast as it goes");
    }
    screen_note(has_json, "%s\n", options->yes ? "" : "; --yes does it");
}

// With a CALL_ID its entry is the selection.
static bool select_call(struct audit *audit, struct selection *selection, struct entry_id *only)
{
    struct recorded_call call;
    redisReply *row = NULL, *hash = NULL;
    *only = (struct entry_id){0, 0};
    if (!audit->options->argument) {
        return true;
    }
    bool is_found = record_find(audit->database, audit->options->argument, &call, &row, &hash);
    if (is_found) {
        *only = call.id;
        selection->since_ms = selection->until_ms = call.id.ms;
    } else if (!database_is_lost(audit->database)) {
        screen_complain("%s is not known under %s: never recorded there, or no "
                        "longer kept",
                        audit->options->argument, database_prefix(audit->database));
    }
    freeReplyObject(row);
    freeReplyObject(hash);
    return is_found;
}

struct choice {
    struct selection selection;
    struct entry_id only; // the entry of the CALL_ID; 0-0: all that are selected
};

// A walk that passes on the chosen calls; after a plan, only those that are fit.
struct filter {
    const struct choice *choice;
    const struct plan *plan; // NULL: it is being made
    record_on_call *on_call;
    void *arg;
};

static bool on_filtered(const struct recorded_call *call, void *arg)
{
    const struct filter *filter = arg;
    const struct entry_id only = filter->choice->only;
    bool is_meant = only.ms == 0 || entry_id_compare(only, call->id) == 0;
    bool is_fit = !filter->plan || fitness_of(filter->plan, call) == FIT;
    return !is_meant || !is_fit || filter->on_call(call, filter->arg);
}

static bool make_plan(struct audit *audit, const struct choice *choice, struct plan *plan)
{
    struct filter filter = {choice, NULL, on_planned, plan};
    return record_walk(audit->database, &choice->selection, OLDEST_FIRST, RECORD_NOTHING,
                       on_filtered, &filter);
}

static bool send_all(struct audit *audit, const struct choice *choice, const struct plan *plan,
                     struct replay_run *run)
{
    struct filter filter = {choice, plan, replay_send, run};
    bool is_whole = record_walk(audit->database, &choice->selection, OLDEST_FIRST, RECORD_NOTHING,
                                on_filtered, &filter);
    progress_clear(&run->progress);
    return is_whole && run->sent + run->refused == plan->calls;
}

// --- to the live agent --------------------------------------------------------------------------

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static enum exit_code finish(struct replay_run *run, bool is_whole)
{
    struct replay_report report = {0};
    struct json_line line;
    if (run->sent == 0) {
        screen_complain("nothing was replayed");
        return EXIT_NOT_DONE;
    }
    if (!replay_compare(run, &report)) {
        return EXIT_NOT_DONE;
    }
    json_line_init(&line);
    if (run->audit->options->json) {
        replay_report_to_json(&report, &line);
        json_line_text(&line, "prefix", view_of_text(run->prefix));
        json_line_flag(&line, "whole", is_whole);
        screen_json(&line, stdout);
    } else {
        replay_report_print(&report, &run->audit->screen);
    }
    json_line_release(&line);
    return is_whole && run->refused == 0 ? EXIT_DONE : EXIT_NOT_DONE;
}

static enum exit_code replay_live(struct audit *audit, const struct choice *choice,
                                  const struct plan *plan)
{
    struct replay_run run;
    bool is_whole =
        replay_run_init(&run, audit, plan->calls) && send_all(audit, choice, plan, &run);
    if (audit->options->detach) {
        return is_whole && run.sent > 0 ? EXIT_DONE : EXIT_NOT_DONE;
    }
    is_whole = is_whole && replay_wait(&run, always, NULL);
    return database_is_lost(audit->database) ? EXIT_NOT_DONE : finish(&run, is_whole);
}

// --- to another agent ---------------------------------------------------------------------------

static uint64_t info_number(const char *info, const char *name)
{
    const char *found = strstr(info, name);
    return found ? view_number((struct bytes_view){found + strlen(name),
                                                   strspn(found + strlen(name), "0123456789")})
                 : 0;
}

// History never costs a caller: a replay is refused if the live record would be trimmed for it.
static bool has_room(struct audit *audit, uint64_t calls)
{
    const struct bytes_view argv[] = {VIEW("INFO"), VIEW("memory")};
    redisReply *reply = database_ask(audit->database, 2, argv);
    bool has = reply != NULL;
    if (reply && reply->str) {
        uint64_t used = info_number(reply->str, "\nused_memory:");
        uint64_t most = info_number(reply->str, "\nmaxmemory:");
        uint64_t needed = calls * BYTES_A_CALL;
        has = most == 0 || used + needed <= most / 100 * MEMORY_PERCENT_MAX;
        if (!has) {
            screen_complain("Redis has %" PRIu64 " of %" PRIu64
                            " MB in use, and this replay needs about %" PRIu64
                            " more: choose fewer calls, or give Redis more (maxmemory)",
                            used >> 20, most >> 20, needed >> 20);
        }
    }
    freeReplyObject(reply);
    return has;
}

static bool worker_is_running(void *arg)
{
    bool is_running = replay_worker_is_running(arg);
    if (!is_running) {
        screen_complain("the worker of this replay has ended");
    }
    return is_running;
}

// It has made the consumer group, so it reads.
static bool wait_for_worker(struct replay_run *run, struct replay_worker *worker)
{
    uint64_t end_us = loop_now_us() + (uint64_t)WORKER_READY_S * 1000000;
    struct bytes key;
    bool is_ready = false;
    redis_key_init(&key, run->prefix, REDIS_KEY_WEBHOOKS);
    const struct bytes_view argv[] = {VIEW("XINFO"), VIEW("GROUPS"), bytes_view(&key)};
    while (!is_ready && loop_now_us() < end_us && worker_is_running(worker) &&
           !database_is_lost(run->audit->database)) {
        database_send(run->audit->database, 3, argv);
        redisReply *reply = database_receive_any(run->audit->database);
        is_ready = reply_is_list(reply) && reply->elements > 0;
        freeReplyObject(reply);
        if (!is_ready && !interrupt_sleep_until(loop_now_us() + READY_LOOK_US)) {
            break;
        }
    }
    bytes_release(&key);
    if (!is_ready && loop_now_us() >= end_us) {
        screen_complain("the worker of this replay does not come up");
    }
    return is_ready;
}

static enum exit_code replay_to_url(struct audit *audit, const struct choice *choice,
                                    const struct plan *plan, const struct route *route)
{
    struct replay_run run;
    struct replay_worker worker;
    char routes[REPLAY_ROUTES_PATH_BYTES] = "";
    const char *file = audit->options->routes;
    if (file && !replay_routes_make(file, audit->settings, routes)) {
        return EXIT_NOT_DONE;
    }
    if (!replay_agent_is_there(route) || !has_room(audit, plan->calls)) {
        return EXIT_NOT_DONE;
    }
    if (!replay_run_init(&run, audit, plan->calls) ||
        !replay_worker_start(&worker, audit->settings, run.prefix, route->start_url,
                             file ? routes : NULL)) {
        return EXIT_NOT_DONE;
    }
    bool is_whole = wait_for_worker(&run, &worker) && send_all(audit, choice, plan, &run) &&
                    replay_wait(&run, worker_is_running, &worker);
    replay_worker_stop(&worker);
    bool was_interrupted = interrupt_take(); // the rest is short, and cleans up
    enum exit_code code = EXIT_NOT_DONE;
    if (!database_is_lost(audit->database)) {
        code = finish(&run, is_whole);
        replay_expire(&run, route->agent);
        screen_complain("recorded for a day under REDIS_PREFIX='%s'", run.prefix);
    }
    if (was_interrupted) {
        screen_complain("interrupted after %" PRIu64 " of %" PRIu64 " calls", run.sent, run.total);
        return EXIT_NOT_DONE;
    }
    return code;
}

// --- the command --------------------------------------------------------------------------------

static bool check_url(const struct audit *audit, struct route *route)
{
    struct bytes problem;
    bytes_init(&problem, 4096);
    bool is_good = audit->options->live || route_to_url(route, audit->options->to_url,
                                                        audit->settings->replay_api_key, &problem);
    if (!is_good) {
        screen_complain("--to: %s", bytes_text(&problem));
    }
    bytes_release(&problem);
    return is_good;
}

// Nobody is on hold longer than this: older calls need not be looked at.
static uint64_t oldest_caller_ms(const struct audit *audit, uint64_t now_ms)
{
    const struct audit_settings *settings = audit->settings;
    uint64_t longest_s = settings->hold_limit_s > settings->dialout_limit_s
                             ? settings->hold_limit_s
                             : settings->dialout_limit_s;
    return now_ms - longest_s * MS_PER_S;
}

enum exit_code replay_run(struct audit *audit)
{
    const struct options *options = audit->options;
    struct plan plan = {.audit = audit, .now_ms = database_now_ms(audit->database)};
    struct choice choice = {.selection = options->selection};
    struct route route = {0};
    if (!check_url(audit, &route)) {
        return EXIT_USAGE;
    }
    if (options->live && choice.selection.since_ms == 0) {
        choice.selection.since_ms = oldest_caller_ms(audit, plan.now_ms);
    }
    // Calls that come meanwhile are not replayed.
    if (choice.selection.until_ms > plan.now_ms) {
        choice.selection.until_ms = plan.now_ms;
    }
    if (!select_call(audit, &choice.selection, &choice.only) || !make_plan(audit, &choice, &plan)) {
        return EXIT_NOT_DONE;
    }
    print_plan(&plan);
    if (plan.calls == 0) {
        return EXIT_NOT_DONE;
    }
    if (!options->yes) {
        return EXIT_DONE;
    }
    return options->live ? replay_live(audit, &choice, &plan)
                         : replay_to_url(audit, &choice, &plan, &route);
}
