// See replay_worker.h. Its environment is made here, from nothing: no key but REPLAY_API_KEY
// reaches it, so none can reach an agent that is only being tried. It has a process group of its
// own, so that Ctrl-C reaches the replay only, which ends it in order.
#include "replay_worker.h"

#include "bytes.h"
#include "memory.h"
#include "screen.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "dialin-worker"
#define VARIABLES_MAX 16

struct environment {
    char *variables[VARIABLES_MAX + 1];
    size_t count;
};

static void set(struct environment *environment, const char *name, const char *value)
{
    if (!value || environment->count == VARIABLES_MAX) {
        return;
    }
    size_t size = strlen(name) + 1 + strlen(value) + 1; // a PATH or a key may be long
    char *text = memory_zeroed(size);
    snprintf(text, size, "%s=%s", name, value);
    environment->variables[environment->count++] = text; // released with the environment
}

static void set_number(struct environment *environment, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    set(environment, name, text);
}

static void release(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++) {
        memory_wipe(environment->variables[i], strlen(environment->variables[i]));
        free(environment->variables[i]);
    }
}

static void fill(struct environment *environment, const struct audit_settings *settings,
                 const char *prefix, const char *start_url, const char *routes)
{
    set(environment, "PATH", getenv("PATH"));
    set(environment, "REDIS_URL", settings->redis_url);
    set(environment, "REDIS_PREFIX", prefix);
    set(environment, "START_URL", start_url);
    set(environment, "START_API_KEY", settings->replay_api_key);
    set(environment, "ROUTES_FILE", routes);
    set(environment, "WORKER_NAME", "replay");
    set(environment, "ADMIN_PORT", "0");
    set(environment, "LOG_LEVEL", "error");
    set(environment, "RETENTION_DAYS", "1");
    set(environment, "DRAIN_TIMEOUT_S", "5");
    set_number(environment, "HOLD_LIMIT_S", settings->hold_limit_s);
    set_number(environment, "HOLD_GRACE_S", settings->hold_grace_s);
    set_number(environment, "DIALOUT_LIMIT_S", settings->dialout_limit_s);
    set_number(environment, "TRUNK_LIMIT_S", settings->trunk_limit_s);
    set_number(environment, "START_TIMEOUT_S", settings->start_timeout_s);
}

// Beside this program: both the build and the image put it there.
static void find_program(char path[PATH_MAX])
{
    char self[PATH_MAX] = "";
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - sizeof PROGRAM - 1);
    snprintf(path, PATH_MAX, "%s", PROGRAM);
    if (len > 0) {
        char beside[PATH_MAX + sizeof PROGRAM];
        snprintf(beside, sizeof beside, "%s/%s", dirname(self), PROGRAM);
        if (access(beside, X_OK) == 0 && strlen(beside) < PATH_MAX) {
            memcpy(path, beside, strlen(beside) + 1);
        }
    }
}

static void become(const char *path, char *const *variables, pid_t parent)
{
    static char name[] = PROGRAM;
    char *const argv[] = {name, NULL};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent) { // else it has died already
        execvpe(path, argv, variables);
        screen_complain("%s cannot be started: %s", path, strerror(errno));
    }
    _exit(1);
}

bool replay_worker_start(struct replay_worker *worker, const struct audit_settings *settings,
                         const char *prefix, const char *start_url, const char *routes)
{
    char path[PATH_MAX];
    struct environment environment = {.count = 0};
    const pid_t parent = getpid();
    find_program(path);
    fill(&environment, settings, prefix, start_url, routes);
    fflush(NULL);
    worker->id = fork();
    if (worker->id == 0) {
        become(path, environment.variables, parent);
    }
    release(&environment);
    if (worker->id < 0) {
        screen_complain("no worker can be started: %s", strerror(errno));
        worker->id = 0;
    }
    return worker->id > 0;
}

bool replay_worker_is_running(struct replay_worker *worker)
{
    if (worker->id > 0 && waitpid(worker->id, NULL, WNOHANG) == worker->id) {
        worker->id = 0;
    }
    return worker->id > 0;
}

void replay_worker_stop(struct replay_worker *worker)
{
    if (replay_worker_is_running(worker)) {
        kill(worker->id, SIGTERM);
        while (waitpid(worker->id, NULL, 0) < 0 && errno == EINTR) {
        }
        worker->id = 0;
    }
}
