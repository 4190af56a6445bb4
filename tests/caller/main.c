// dialin-caller: plays Daily for tests and trials: sends signed webhooks, and with --wait says what
// became of the calls.
#include "config.h"
#include "log.h"
#include "loop.h"
#include "options.h"
#include "outcome.h"
#include "plan.h"
#include "process.h"
#include "progress.h"
#include "report.h"
#include "sender.h"

#include <signal.h>
#include <stdio.h>

#define PROGRAM "dialin-caller"
#define OTHER_FILES 64 // beside the connections

struct caller {
    struct loop *loop;
    bool is_interrupted;
};

static void on_interrupt(void *arg)
{
    struct caller *caller = arg;
    caller->is_interrupted = true;
    loop_stop(caller->loop);
}

static int run(const struct options *options)
{
    struct caller caller = {.loop = loop_open()};
    struct plan plan;
    struct progress progress;
    struct sent sent;
    struct outcome outcome = {0};
    loop_on_signal(caller.loop, SIGINT, on_interrupt, &caller);
    loop_on_signal(caller.loop, SIGTERM, on_interrupt, &caller);
    progress_init(&progress, options->quiet || options->json);
    plan_init(&plan, options);
    sender_run(caller.loop, &plan, &progress, &sent);
    bool waits = options->wait && !caller.is_interrupted;
    if (waits) {
        outcome_run(caller.loop, &plan, sent.is_acknowledged, &progress, &outcome);
    }
    if (!options->quiet) {
        report_print(&plan, &sent, waits ? &outcome : NULL);
    }
    report_trouble(&plan, &sent, waits ? &outcome : NULL);
    bool is_good = !caller.is_interrupted && sent.acknowledged == options->count * options->repeat;
    if (options->wait) {
        is_good = is_good && outcome.states[OUTCOME_started] == options->count;
    }
    outcome_release(&outcome);
    sent_release(&sent);
    plan_release(&plan);
    loop_close(caller.loop);
    return is_good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options;
    struct config_problems problems;
    enum options_command command = options_load(&options, argc, argv);
    int exit_code = command == OPTIONS_DONE ? 0 : 2;
    if (command == OPTIONS_RUN) {
        process_init();
        log_open(PROGRAM, LOG_LEVEL_ERROR, false); // report_trouble says the rest
        config_problems_init(&problems);
        config_need_open_files(options.connections + OTHER_FILES, "--connections", &problems);
        exit_code = problems.count == 0 ? run(&options) : process_report(&problems, PROGRAM);
        config_problems_release(&problems);
    }
    options_release(&options);
    return exit_code;
}
