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
static int check_online(const struct process *process)
{
    struct findings findings;
    findings_init(&findings);
    process->check_online(process->settings, &findings);
    for (size_t i = 0; i < findings.count; i++) {
        const struct finding *finding = &findings.list[i];
        printf("%-5s  %s: %s%s%s\n", finding_level_name(finding->level), finding->subject,
               finding->text, finding->remedy[0] ? ": " : "", finding->remedy);
    }
    int code = findings.wrong > 0;
    findings_release(&findings);
    return code;
}

int process_main(int argc, char **argv, const struct process *process)
{
    struct config_problems problems;
    bool is_question = process->question && argc == 3 && !strcmp(argv[1], process->question);
    enum config_command command =
        is_question
            ? CONFIG_RUN
            : config_command_line(argc, argv, process->program, process->summary, process->table);
    if (command == CONFIG_DONE || command == CONFIG_USAGE) {
        return command == CONFIG_DONE ? 0 : 2;
    }
    process_init();
    config_problems_init(&problems);
    process->load(process->settings, &problems);
    int exit_code = 0;
    config_warn_of_typos(process->table);
    if (problems.count > 0 || command == CONFIG_CHECK) {
        exit_code = process_report(&problems, process->program);
    } else if (command == CONFIG_CHECK_ONLINE) {
        exit_code = check_online(process);
    } else if (command == CONFIG_PRINT) {
        config_print_values(process->table, process->settings);
    } else if (is_question) {
        exit_code = process->answer(process->settings, argv[2]);
    } else {
        exit_code = process->run(process->settings);
    }
    config_problems_release(&problems);
    process->release(process->settings);
    return exit_code;
}

// --- reading again
// -------------------------------------------------------------------------------------

struct process_reloader {
    struct process_reload reload;
    struct loop_timer *look;
    uint64_t files; // how they were when they were last looked at
    void *applied;  // settings; NULL: those that the program began with
};

static void release_applied(struct process_reloader *reloader)
{
    if (reloader->applied) {
        reloader->reload.release(reloader->applied);
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
    const struct process_reload *reload = &reloader->reload;
    struct config_problems problems;
    void *fresh = memory_zeroed(reload->settings_bytes);
    config_problems_init(&problems);
    reload->load(fresh, &problems);
    if (problems.count > 0) {
        log_problems(bytes_text(&problems.text));
        reload->release(fresh);
        free(fresh);
    } else {
        log_info("secrets, certificates and routes were read again", log_text("cause", cause));
        reload->apply(fresh, reload->arg);
        release_applied(reloader);
        reloader->applied = fresh;
    }
    config_problems_release(&problems);
}

static void on_hangup(void *arg)
{
    struct process_reloader *reloader = arg;
    reloader->files = config_files(reloader->reload.table, reloader->reload.also);
    load_again(reloader, "SIGHUP");
}

static void look_at_files(void *arg)
{
    struct process_reloader *reloader = arg;
    uint64_t files = config_files(reloader->reload.table, reloader->reload.also);
    if (files != reloader->files) {
        reloader->files = files;
        load_again(reloader, "a file has changed");
    }
    loop_timer_start(reloader->look, PROCESS_LOOK_MS);
}

struct process_reloader *process_reload_open(struct loop *loop, const struct process_reload *reload)
{
    struct process_reloader *reloader = memory_zeroed(sizeof *reloader);
    reloader->reload = *reload;
    reloader->files = config_files(reload->table, reload->also);
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
