// See process.h.
#include "process.h"

#include "json.h"
#include "time_zone.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void process_init(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
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

int process_main(int argc, char **argv, const struct process *process)
{
    struct config_problems problems;
    enum config_command command =
        config_command_line(argc, argv, process->program, process->summary, process->table);
    if (command == CONFIG_DONE || command == CONFIG_USAGE) {
        return command == CONFIG_DONE ? 0 : 2;
    }
    process_init();
    config_problems_init(&problems);
    process->load(process->settings, &problems);
    int exit_code = problems.count == 0 && command == CONFIG_RUN
                        ? process->run(process->settings)
                        : process_report(&problems, process->program);
    config_problems_release(&problems);
    process->release(process->settings);
    return exit_code;
}
