// dialin-audit: reads the record of every call. The commands are in files of their own.
#include "command.h"
#include "env_file.h"
#include "interrupt.h"
#include "log.h"
#include "mask.h"
#include "options.h"
#include "process.h"
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "dialin-audit"

static const struct {
    const char *name;
    command_run *run;
} COMMANDS[] = {
    {"list", list_run},       {"show", show_run},       {"tail", tail_run},
    {"stats", stats_run},     {"verify", verify_run},   {"replay", replay_run},
    {"dead", dead_run},       {"export", export_run},   {"forget", forget_run},
    {"refused", refused_run}, {"now", now_run},         {"staffing", staffing_run},
    {"doctor", doctor_run},   {"secrets", secrets_run}, {"pause", pause_run},
    {"resume", resume_run},   {"cancel", cancel_run},
};

// These open Redis themselves, if at all.
static bool is_without_redis(const char *command)
{
    return !strcmp(command, "doctor") || !strcmp(command, "secrets");
}

// Of these a row, or an answer, of several prefixes makes sense.
static bool takes_prefixes(const struct options *options)
{
    static const char *const THESE[] = {"list",    "show", "stats",    "verify", "dead",
                                        "refused", "now",  "staffing", "forget"};
    for (size_t i = 0; i < sizeof THESE / sizeof THESE[0]; i++) {
        if (!strcmp(THESE[i], options->command)) {
            return !options->watch;
        }
    }
    return false;
}

static enum exit_code run_command(struct audit *audit)
{
    enum exit_code code = EXIT_USAGE;
    for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
        if (strcmp(COMMANDS[i].name, audit->options->command) != 0) {
            continue;
        }
        bool is_without = is_without_redis(COMMANDS[i].name);
        audit->database =
            is_without ? NULL
                       : database_open(&audit->settings->redis, audit->settings->redis_prefix);
        code = audit->database || is_without ? COMMANDS[i].run(audit) : EXIT_NOT_DONE;
    }
    return code;
}

// Each prefix as if it were the only one. A call that is in one of them is found.
static enum exit_code run_for_each(struct audit *audit)
{
    const struct audit_settings *settings = audit->settings;
    const bool is_one_enough = !strcmp(audit->options->command, "show");
    enum exit_code best = EXIT_NOT_DONE, worst = EXIT_DONE;
    for (size_t i = 0; i < settings->prefix_count && !interrupt_came() && !screen_is_gone(); i++) {
        struct audit_settings here = *settings;
        here.redis_prefix = (char *)(uintptr_t)settings->prefixes[i];
        here.redis.prefix = settings->prefixes[i];
        screen_name_prefix(settings->prefixes[i]);
        audit->settings = &here;
        enum exit_code code = run_command(audit);
        database_close(audit->database);
        audit->database = NULL;
        best = code < best ? code : best;
        worst = code > worst ? code : worst;
    }
    audit->settings = settings;
    return is_one_enough ? best : worst;
}

static enum exit_code run(struct audit *audit)
{
    const bool are_several = audit->settings->prefix_count > 0;
    if (are_several && !takes_prefixes(audit->options)) {
        screen_complain("%s%s takes one prefix: set REDIS_PREFIX in place of REDIS_PREFIXES",
                        audit->options->command, audit->options->watch ? " --watch" : "");
        return EXIT_USAGE;
    }
    enum exit_code code = are_several ? run_for_each(audit) : run_command(audit);
    if (screen_is_gone()) { // says it
        return EXIT_NOT_DONE;
    }
    if (interrupt_came() && code != EXIT_DONE) {
        screen_complain("interrupted");
    }
    return code;
}

static int run_command_line(int argc, char **argv)
{
    struct options options;
    struct audit_settings settings = {0};
    struct config_problems problems;
    enum options_verdict verdict = options_parse(&options, argc, argv);
    if (verdict != OPTIONS_RUN) {
        return verdict == OPTIONS_DONE ? (int)EXIT_DONE : (int)EXIT_USAGE;
    }
    if (options.env_file && !env_file_load(options.env_file)) {
        return (int)EXIT_USAGE;
    }
    process_init();
    interrupt_watch();
    log_open(PROGRAM, LOG_LEVEL_ERROR, false);
    config_problems_init(&problems);
    audit_settings_load(&settings, &problems);
    enum exit_code code = EXIT_NOT_DONE;
    if (problems.count > 0) {
        process_report(&problems, PROGRAM);
    } else {
        struct audit audit = {.options = &options, .settings = &settings};
        screen_init(&audit.screen, options.colours,
                    options.hides && !options.reveal ? mask_text : NULL);
        code = run(&audit);
        database_close(audit.database);
    }
    config_problems_release(&problems);
    audit_settings_release(&settings);
    return (int)code;
}

int main(int argc, char **argv)
{
    struct query query;
    if (argc != 2 || strcmp(argv[1], "--query") != 0) {
        return run_command_line(argc, argv);
    }
    int code =
        query_read(&query, stdin) ? run_command_line(query.argc, query.argv) : (int)EXIT_USAGE;
    query_release(&query);
    return code;
}
