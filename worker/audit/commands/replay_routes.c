// See replay_routes.h. Members are copied as raw text, so that no number loses a digit.
#include "replay_routes.h"

#include "audit_routing.h"
#include "screen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool is_kept(const char *name)
{
    static const char *const LEFT_OUT[] = {"agent",    "start_url", "api_key_env",     "lookup",
                                           "overflow", "callback",  "limit_per_caller"};
    for (size_t i = 0; i < sizeof LEFT_OUT / sizeof LEFT_OUT[0]; i++) {
        if (!strcmp(name, LEFT_OUT[i])) {
            return false;
        }
    }
    return true;
}

static void put(struct bytes *out, const char *before, struct bytes_view key,
                struct bytes_view value)
{
    bytes_append_text(out, before);
    bytes_append_text(out, "\"");
    bytes_append_view(out, key);
    bytes_append_text(out, "\":");
    bytes_append_view(out, value);
}

static bool put_route(struct route_reader *reader, const struct route_value *element, size_t index,
                      void *into)
{
    struct json_document route;
    struct bytes *out = into;
    const char *before = index > 0 ? ",{" : "{";
    (void)reader;
    const char *problem = json_parse(&route, element->raw);
    const cJSON *member = problem ? NULL : route.tree->child;
    for (size_t i = 0; member; i++, member = member->next) {
        if (is_kept(member->string)) {
            put(out, before, route.members[i].key, route.members[i].value);
            before = ",";
        }
    }
    json_release(&route);
    bytes_append_text(out, "}"); // a route has a name, which is kept
    return true;
}

// The text is a good file of routes.
static void put_routes(struct bytes_view text, struct bytes *out)
{
    struct json_document file;
    struct bytes problem; // stays empty
    struct route_reader reader = {.text = text, .problem = &problem};
    bytes_init(&problem, 1024);
    bytes_append_text(out, "{\"routes\":[");
    const cJSON *member = json_parse(&file, text) ? NULL : file.tree->child;
    for (size_t i = 0; member; i++, member = member->next) {
        const struct route_value routes = {member->string, member, file.members[i].value};
        if (!strcmp(member->string, "routes")) {
            route_read_array(&reader, &routes, ROUTE_FILE_ROUTES_MAX, put_route, out);
        }
    }
    bytes_append_text(out, "]}\n");
    json_release(&file);
    bytes_release(&problem);
}

// The descriptor stays open, for the worker inherits it.
static bool keep(const struct bytes *text, char path[REPLAY_ROUTES_PATH_BYTES])
{
    int fd = memfd_create("routes", 0);
    bool is_good = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;
    if (!is_good) {
        screen_complain("the routes cannot be kept in memory: %s", strerror(errno));
    }
    snprintf(path, REPLAY_ROUTES_PATH_BYTES, "/proc/self/fd/%d", fd);
    return is_good;
}

bool replay_routes_make(const char *from, const struct audit_settings *settings,
                        char path[REPLAY_ROUTES_PATH_BYTES])
{
    struct bytes text, made, problem;
    struct routing *routing = audit_routing_open(from, settings);
    if (!routing) {
        return false;
    }
    routing_release(routing);
    bytes_init(&text, ROUTE_FILE_BYTES_MAX);
    bytes_init(&made, ROUTE_FILE_BYTES_MAX + 64);
    bytes_init(&problem, 4096);
    bool is_good = routing_read_file(from, &text, &problem);
    if (is_good) {
        put_routes(bytes_view(&text), &made);
        is_good = keep(&made, path);
    } else {
        screen_complain("the routes file %s", bytes_text(&problem));
    }
    bytes_release(&text);
    bytes_release(&made);
    bytes_release(&problem);
    return is_good;
}
