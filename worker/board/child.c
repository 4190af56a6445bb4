// See child.h. Its end is seen by the end of its output; the exit code is then collected. A process
// that closes its output and goes on is killed.
#include "child.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAP_TICK_MS 5 // between the end of its output and its exit
#define CHUNK_BYTES 16384

struct pipe_end {
    int fd; // -1: closed
    struct loop_watch *watch;
};

struct child {
    struct loop *loop;
    pid_t id; // 0: gone
    struct pipe_end in, out, err;
    struct bytes query, output, errors;
    size_t written;
    struct loop_timer *deadline, *reap;
    enum child_end end;
    child_on_end *on_end;
    void *arg;
};

static void close_end(struct pipe_end *end)
{
    loop_watch_close(end->watch);
    if (end->fd >= 0) {
        close(end->fd);
    }
    *end = (struct pipe_end){.fd = -1};
}

static void release(struct child *child)
{
    close_end(&child->in);
    close_end(&child->out);
    close_end(&child->err);
    loop_timer_close(child->deadline);
    loop_timer_close(child->reap);
    bytes_release(&child->query);
    bytes_release(&child->output);
    bytes_release(&child->errors);
    free(child);
}

static void report(struct child *child, int status)
{
    const struct child_result result = {
        .end = child->end != CHILD_LEFT || (child->id > 0 && WIFEXITED(status)) ? child->end
                                                                                : CHILD_FAILED,
        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .output = bytes_view(&child->output),
        .errors = bytes_view(&child->errors),
    };
    child->on_end(&result, child->arg);
    release(child);
}

static void give_up(struct child *child, enum child_end why)
{
    child->end = why;
    if (child->id > 0) {
        kill(child->id, SIGKILL);
    }
    close_end(&child->out);
    loop_timer_start(child->reap, 0);
}

static void on_deadline(void *arg)
{
    give_up(arg, CHILD_TOO_SLOW);
}

static void on_reap(void *arg)
{
    struct child *child = arg;
    int status = 0;
    if (child->id > 0 && waitpid(child->id, &status, WNOHANG) == 0) {
        loop_timer_start(child->reap, REAP_TICK_MS);
        return;
    }
    report(child, status);
}

static void on_writable(int events, void *arg)
{
    (void)events;
    struct child *child = arg;
    ssize_t len =
        write(child->in.fd, child->query.data + child->written, child->query.len - child->written);
    child->written += len > 0 ? (size_t)len : 0;
    if (child->written == child->query.len || (len < 0 && errno != EAGAIN && errno != EINTR)) {
        close_end(&child->in);
    }
}

// Returns false at the end of the pipe.
static bool read_some(int fd, struct bytes *into, bool *is_full)
{
    char chunk[CHUNK_BYTES];
    ssize_t len = read(fd, chunk, sizeof chunk);
    if (len > 0 && !bytes_append(into, chunk, (size_t)len)) {
        *is_full = true;
    }
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static void on_output(int events, void *arg)
{
    (void)events;
    struct child *child = arg;
    bool is_full = false;
    bool goes_on = read_some(child->out.fd, &child->output, &is_full);
    if (is_full) {
        give_up(child, CHILD_TOO_LARGE);
    } else if (!goes_on) {
        close_end(&child->out);
        loop_timer_start(child->reap, 0);
    }
}

// The rest of a long complaint is dropped.
static void on_errors(int events, void *arg)
{
    (void)events;
    struct child *child = arg;
    bool is_full = false;
    if (!read_some(child->err.fd, &child->errors, &is_full)) {
        close_end(&child->err);
    }
}

// --- starting -----------------------------------------------------------------------------------

enum { READ_END, WRITE_END };

static void close_pipe(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
}

static pid_t spawn(const char *path, char *const *environment, int in, int out, int err)
{
    static char query[] = "--query";
    char *const argv[] = {(char *)(uintptr_t)path, query, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t id = 0;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGHUP);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    int failed = posix_spawn(&id, path, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = failed;
    return failed ? 0 : id;
}

static void watch_end(struct child *child, struct pipe_end *end, int *fd, int events,
                      loop_on_ready *on_ready)
{
    end->fd = *fd;
    *fd = -1;
    fcntl(end->fd, F_SETFL, O_NONBLOCK);
    end->watch = loop_watch_open(child->loop, end->fd, on_ready, child);
    loop_watch_set(end->watch, events);
}

static void start(struct child *child, const char *path, char *const *environment)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    bool has_pipes = !pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC);
    child->id =
        has_pipes ? spawn(path, environment, in[READ_END], out[WRITE_END], err[WRITE_END]) : 0;
    if (child->id > 0) {
        watch_end(child, &child->in, &in[WRITE_END], LOOP_WRITABLE, on_writable);
        watch_end(child, &child->out, &out[READ_END], LOOP_READABLE, on_output);
        watch_end(child, &child->err, &err[READ_END], LOOP_READABLE, on_errors);
        loop_timer_start(child->deadline, CHILD_MS_MAX);
    } else {
        bytes_printf(&child->errors, "%s cannot be started: %s", path, strerror(errno));
        loop_timer_start(child->reap, 0);
    }
    close_pipe(in);
    close_pipe(out);
    close_pipe(err);
}

struct child *child_start(struct loop *loop, const char *path, char *const *environment,
                          struct bytes_view query, child_on_end *on_end, void *arg)
{
    struct child *child = memory_zeroed(sizeof *child);
    *child = (struct child){
        .loop = loop,
        .in = {.fd = -1},
        .out = {.fd = -1},
        .err = {.fd = -1},
        .on_end = on_end,
        .arg = arg,
    };
    bytes_init(&child->query, query.len + 1);
    bytes_append_view(&child->query, query);
    bytes_init(&child->output, CHILD_OUTPUT_MAX);
    bytes_init(&child->errors, CHILD_ERRORS_MAX);
    child->deadline = loop_timer_open(loop, on_deadline, child);
    child->reap = loop_timer_open(loop, on_reap, child);
    start(child, path, environment);
    return child;
}

void child_kill(struct child *child)
{
    give_up(child, CHILD_FAILED);
}

void child_stop(struct child *child)
{
    if (child->id > 0) {
        kill(child->id, SIGKILL);
        while (waitpid(child->id, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    release(child);
}
