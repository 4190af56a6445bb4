// See routing.h. A file that grows while it is read is bad JSON, and is refused.
#include "routing.h"

#include "config.h"
#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct bytes_view NO_ROUTES = VIEW("{\"routes\":[]}");

static char *keep_text(struct routing *routing, const char *text)
{
    return text ? route_arena_text(&routing->texts, text, strlen(text)) : NULL;
}

static const char *find_key(const char *variable, void *arg)
{
    struct routing *routing = arg;
    struct config_problems problems; // the reader's complaint names the variable
    config_problems_init(&problems);
    char *value = config_find_secret(variable, &problems);
    const char *kept = keep_text(routing, value);
    memory_wipe(value, value ? strlen(value) : 0);
    free(value);
    config_problems_release(&problems);
    return kept;
}

// --- the file -----------------------------------------------------------------------------------

// Reads one byte more than may be, so that a longer file is seen. Returns 0, or an error number.
static int read_all(int fd, struct bytes *text)
{
    char chunk[16384];
    ssize_t len = 1;
    while (len > 0 && text->len <= ROUTE_FILE_BYTES_MAX) {
        len = read(fd, chunk, sizeof chunk);
        if (len > 0 && !bytes_append(text, chunk, (size_t)len)) {
            return EFBIG;
        }
    }
    return len < 0 ? errno : 0;
}

bool routing_read_file(const char *path, struct bytes *text, struct bytes *problem)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = fd < 0 || fstat(fd, &status) != 0 ? errno
                : S_ISDIR(status.st_mode)         ? EISDIR
                : S_ISREG(status.st_mode)         ? read_all(fd, text)
                                                  : EINVAL;
    if (error) {
        bytes_printf(problem, "'%.200s' cannot be read: %s", path,
                     error == EFBIG    ? "it is longer than 1 MiB"
                     : error == EINVAL ? "it is not a regular file"
                                       : strerror(error));
    }
    if (fd >= 0) {
        close(fd);
    }
    return !error;
}

static bool parse(struct routing *routing, const struct routing_settings *settings,
                  struct bytes_view text, struct bytes *problem)
{
    struct route agent = *settings->agent;
    struct bytes sentence;
    agent.api_key = keep_text(routing, agent.api_key);
    agent.allow_http = keep_text(routing, agent.allow_http);
    const struct route_environment environment = {
        .agent = &agent,
        .cloud_key = keep_text(routing, settings->cloud_key),
        .key_of = find_key,
        .arg = routing,
    };
    bytes_init(&sentence, 4096);
    bool is_good = route_file_parse(&routing->file, text, &environment, &sentence);
    if (!is_good) {
        bytes_printf(problem, "'%.200s', %s", settings->path, bytes_text(&sentence));
    }
    bytes_release(&sentence);
    return is_good;
}

static void look_for_callbacks(struct routing *routing)
{
    for (size_t i = 0; i < routing->file.count; i++) {
        const struct route_rule *rule = &routing->file.rules[i];
        routing->calls_back = routing->calls_back || rule->callback.within_s > 0;
        routing->hold_s_max =
            rule->hold_limit_s > routing->hold_s_max ? rule->hold_limit_s : routing->hold_s_max;
    }
}

// --- owners -------------------------------------------------------------------------------------

struct routing *routing_open(const struct routing_settings *settings, struct bytes *problem)
{
    struct bytes text;
    struct routing *routing = memory_zeroed(sizeof *routing);
    routing->owners = 1;
    bytes_init(&text, ROUTE_FILE_BYTES_MAX);
    bool is_good =
        (!settings->path || routing_read_file(settings->path, &text, problem)) &&
        parse(routing, settings, settings->path ? bytes_view(&text) : NO_ROUTES, problem);
    bytes_release(&text);
    if (is_good) {
        look_for_callbacks(routing);
    } else {
        routing_release(routing);
        routing = NULL;
    }
    return routing;
}

struct routing *routing_keep(struct routing *routing)
{
    routing->owners++;
    return routing;
}

void routing_release(struct routing *routing)
{
    if (routing && --routing->owners == 0) {
        route_file_release(&routing->file);
        route_arena_release(&routing->texts);
        free(routing);
    }
}

const struct route_agent *routing_environment(const struct routing *routing)
{
    assert(routing->file.agents.count > 0);
    return routing->file.agents.list[0];
}
