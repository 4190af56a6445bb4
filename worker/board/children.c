// See children.h.
#include "children.h"

#include "memory.h"
#include "redis_prefixes.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "dialin-audit"
#define VARIABLES_MAX 16
#define PREFIXES_BYTES (REDIS_PREFIXES_MAX * 260)

// In NAME or NAME_FILE form. TZ and the rest of the environment do not matter to JSON.
static const char *const VARIABLES[] = {"REDIS_URL", "REDIS_CA_FILE", "REDIS_CERT", "REDIS_KEY",
                                        "PINLESS_HMAC_SECRET"};

struct question {
    struct bytes query; // until it is asked
    struct child *child;
    child_on_end *on_end;
    void *arg;
    struct children *children;
    size_t prefix; // CHILDREN_ALL: all
    bool is_used, is_action;
};

struct children {
    struct loop *loop;
    char path[PATH_MAX];
    char *environment[VARIABLES_MAX + 1];
    char *for_actions[VARIABLES_MAX + 1]; // with another REDIS_URL
    const char *const *prefixes;
    size_t prefix_count;
    struct question questions[CHILDREN_MAX + CHILDREN_QUEUED_MAX];
    size_t order[CHILDREN_QUEUED_MAX + CHILDREN_MAX]; // of those that wait, oldest first
    size_t waiting, running;
    bool is_ending;
};

static void find_program(char path[PATH_MAX])
{
    char self[PATH_MAX] = "";
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - sizeof PROGRAM - 1);
    if (len > 0) {
        snprintf(path, PATH_MAX, "%.*s/" PROGRAM, (int)(PATH_MAX - sizeof PROGRAM - 1),
                 dirname(self));
    }
}

static void add_variable(char **environment, const char *name, const char *value)
{
    size_t count = 0, size = strlen(name) + strlen(value) + 2;
    while (environment[count]) {
        count++;
    }
    environment[count] = memory_zeroed(size);
    snprintf(environment[count], size, "%s=%s", name, value);
}

static void take_variable(struct children *children, const char *name)
{
    const char *value = getenv(name);
    bool is_url = !strncmp(name, "REDIS_URL", sizeof "REDIS_URL" - 1);
    if (value && *value) {
        add_variable(children->environment, name, value);
    }
    if (value && *value && !is_url) {
        add_variable(children->for_actions, name, value);
    }
}

struct children *children_open(struct loop *loop, const char *actions_url,
                               const char *const *prefixes, size_t prefix_count)
{
    struct children *children = memory_zeroed(sizeof *children);
    children->loop = loop;
    children->prefixes = prefixes;
    children->prefix_count = prefix_count;
    find_program(children->path);
    if (actions_url) {
        add_variable(children->for_actions, "REDIS_URL", actions_url);
    }
    for (size_t i = 0; i < sizeof VARIABLES / sizeof VARIABLES[0]; i++) {
        char file_form[64];
        snprintf(file_form, sizeof file_form, "%s_FILE", VARIABLES[i]);
        take_variable(children, VARIABLES[i]);
        take_variable(children, file_form);
    }
    return children;
}

static void wipe(char **environment)
{
    for (; *environment; environment++) {
        memory_wipe(*environment, strlen(*environment));
        free(*environment);
    }
}

void children_close(struct children *children)
{
    for (size_t i = 0; i < sizeof children->questions / sizeof children->questions[0]; i++) {
        struct question *question = &children->questions[i];
        if (question->child) {
            child_stop(question->child);
        }
        if (question->is_used) {
            bytes_release(&question->query);
        }
    }
    wipe(children->environment);
    wipe(children->for_actions);
    free(children);
}

static void start_next(struct children *children);

static void on_child_end(const struct child_result *result, void *arg)
{
    struct question *question = arg;
    struct children *children = question->children;
    const struct question ended = *question;
    *question = (struct question){0};
    children->running--;
    start_next(children);
    ended.on_end(result, ended.arg);
}

// REDIS_PREFIX, or REDIS_PREFIXES, for this question.
static void print_prefixes(const struct children *children, size_t prefix, struct bytes *out)
{
    bool is_one = prefix != CHILDREN_ALL || children->prefix_count == 1;
    size_t first = prefix == CHILDREN_ALL ? 0 : prefix;
    bytes_append_text(out, is_one ? "REDIS_PREFIX=" : "REDIS_PREFIXES=");
    for (size_t i = first; i < (is_one ? first + 1 : children->prefix_count); i++) {
        bytes_append_text(out, i > first ? "," : "");
        bytes_append_text(out, children->prefixes[i]);
    }
}

static struct child *start(struct children *children, struct question *question)
{
    char *const *variables = question->is_action ? children->for_actions : children->environment;
    char *environment[VARIABLES_MAX + 2] = {NULL};
    struct bytes prefixes;
    size_t count = 0;
    for (; variables[count]; count++) {
        environment[count] = variables[count];
    }
    bytes_init(&prefixes, PREFIXES_BYTES);
    print_prefixes(children, question->prefix, &prefixes);
    environment[count] = prefixes.data;
    struct child *child = child_start(children->loop, children->path, environment,
                                      bytes_view(&question->query), on_child_end, question);
    bytes_release(&prefixes);
    return child;
}

static void start_next(struct children *children)
{
    while (children->waiting > 0 && children->running < CHILDREN_MAX) {
        struct question *question = &children->questions[children->order[0]];
        children->waiting--;
        memmove(children->order, children->order + 1,
                children->waiting * sizeof children->order[0]);
        children->running++;
        question->child = start(children, question);
        bytes_release(&question->query);
        if (children->is_ending) {
            child_kill(question->child);
        }
    }
}

void children_end(struct children *children)
{
    children->is_ending = true;
    for (size_t i = 0; i < sizeof children->questions / sizeof children->questions[0]; i++) {
        if (children->questions[i].child) {
            child_kill(children->questions[i].child);
        }
    }
}

void children_kill(struct children *children, const void *arg)
{
    for (size_t i = 0; i < sizeof children->questions / sizeof children->questions[0]; i++) {
        struct question *question = &children->questions[i];
        if (question->child && question->arg == arg) {
            child_kill(question->child);
        }
    }
}

bool children_ask(struct children *children, size_t prefix, struct bytes_view query,
                  child_on_end *on_end, void *arg)
{
    return children_do(children, false, prefix, query, on_end, arg);
}

bool children_do(struct children *children, bool is_action, size_t prefix, struct bytes_view query,
                 child_on_end *on_end, void *arg)
{
    size_t index = 0;
    while (index < sizeof children->questions / sizeof children->questions[0] &&
           children->questions[index].is_used) {
        index++;
    }
    if (index == sizeof children->questions / sizeof children->questions[0]) {
        return false;
    }
    struct question *question = &children->questions[index];
    *question = (struct question){.on_end = on_end,
                                  .arg = arg,
                                  .children = children,
                                  .prefix = prefix,
                                  .is_used = true,
                                  .is_action = is_action};
    bytes_init(&question->query, query.len + 1);
    bytes_append_view(&question->query, query);
    children->order[children->waiting++] = index;
    start_next(children);
    return true;
}
