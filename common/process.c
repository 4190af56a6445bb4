// See process.h.
#include "process.h"

#include "json.h"

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
