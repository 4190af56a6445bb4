// See process.h.
#include "process.h"

#include "config_typos.h"
#include "json.h"
#include "log.h"
#include "memory.h"
#include "time_zone.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void process_init(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    json_init();
    time_zone_init();
}

int process_report(const struct config_problems *problems, const char *program)
{
    if (problems->count == 0) {
        printf("%s: the configuration is good\n", program);
        return 0;
    }
    fprintf(stderr, "%s: %u problem%s with the configuration:\n%s", program, problems->count,
            problems->count == 1 ? "" : "s", bytes_text(&problems->text));
    return 1;
}

// To standard output; exit code 1 if something is wrong.
static int check_online(const struct process *process, const void *settings)
{
    struct findings findings;
    findings_init(&findings);
    process->check_online(settings, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.list[i];
        printf("%-5s  %s: %s%s%s\n", finding_level_name(finding->level), finding->subject,
               finding->text, finding->remedy[0] ? ": " : "", finding->remedy);
    }
    int code = findings.wrong > 0;
    findings_release(&findings);
    return code;
}

static int obey(const struct process *process, enum config_command command, const void *settings,
                const char *question)
{
    if (command == CONFIG_CHECK_ONLINE) {
        return check_online(process, settings);
    }
    if (command == CONFIG_PRINT) {
        config_print_values(process->settings->table, settings);
        return 0;
    }
    return question ? process->answer(settings, question) : process->run(settings);
}

int process_main(int argc, char **argv, const struct process *process)
{
    struct config_problems problems;
    const struct process_settings *of = process->settings;
    bool is_question = process->question && argc == 3 && !strcmp(argv[1], process->question);
    enum config_command command = is_question ? CONFIG_RUN
                                              : config_command_line(argc, argv, process->program,
                                                                    process->summary, of->table);
    if (command == CONFIG_DONE || command == CONFIG_USAGE) {
        return command == CONFIG_DONE ? 0 : 2;
    }
    process_init();
    void *settings = memory_zeroed(of->bytes);
    config_problems_init(&problems);
    of->load(settings, &problems);
    config_warn_of_typos(of->table);
    int exit_code = problems.count > 0 || command == CONFIG_CHECK
                        ? process_report(&problems, process->program)
                        : obey(process, command, settings, is_question ? argv[2] : NULL);
    config_problems_release(&problems);
    of->release(settings);
    free(settings);
    return exit_code;
}

// --- reading again ------------------------------------------------------------------------------

struct process_reloader {
    const struct process_settings *settings;
    process_apply *apply;
    void *arg;
    struct loop_timer *look;
    uint64_t files; // how they were when they were last looked at
    void *applied;  // settings; NULL: those that the program began with
};

static void release_applied(struct process_reloader *reloader)
{
    if (reloader->applied) {
        reloader->settings->release(reloader->applied);
        free(reloader->applied);
    }
}

// One line of the log for each problem.
static void log_problems(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        log_error("the new configuration is refused; the old one stays in force",
                  log_view("problem", (struct bytes_view){text, len}));
        text += len + (text[len] == '\n');
    }
}

static void load_again(struct process_reloader *reloader, const char *cause)
{
    const struct process_settings *settings = reloader->settings;
    struct config_problems problems;
    void *fresh = memory_zeroed(settings->bytes);
    config_problems_init(&problems);
    settings->load(fresh, &problems);
    if (problems.count > 0) {
        log_problems(bytes_text(&problems.text));
        settings->release(fresh);
        free(fresh);
    } else {
        log_info("secrets, certificates and routes were read again", log_text("cause", cause));
        reloader->apply(fresh, reloader->arg);
        release_applied(reloader);
        reloader->applied = fresh;
    }
    config_problems_release(&problems);
}

static void on_hangup(void *arg)
{
    struct process_reloader *reloader = arg;
    reloader->files = config_files(reloader->settings->table, reloader->settings->also);
    load_again(reloader, "SIGHUP");
}

static void look_at_files(void *arg)
{
    struct process_reloader *reloader = arg;
    uint64_t files = config_files(reloader->settings->table, reloader->settings->also);
    if (files != reloader->files) {
        reloader->files = files;
        load_again(reloader, "a file has changed");
    }
    loop_timer_start(reloader->look, PROCESS_LOOK_MS);
}

struct process_reloader *process_reload_open(struct loop *loop,
                                             const struct process_settings *settings,
                                             process_apply *apply, void *arg)
{
    struct process_reloader *reloader = memory_zeroed(sizeof *reloader);
    reloader->settings = settings;
    reloader->apply = apply;
    reloader->arg = arg;
    reloader->files = config_files(settings->table, settings->also);
    reloader->look = loop_timer_open(loop, look_at_files, reloader);
    loop_timer_start(reloader->look, PROCESS_LOOK_MS);
    loop_on_signal(loop, SIGHUP, on_hangup, reloader);
    return reloader;
}

void process_reload_close(struct process_reloader *reloader)
{
    if (reloader) {
        loop_timer_close(reloader->look);
        release_applied(reloader);
        free(reloader);
    }
}
