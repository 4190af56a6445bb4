// Finding the route of a request. Pure.
#include "http_server.h"

#include <stdio.h>
#include <string.h>

static bool path_matches(const char *pattern, const char *path)
{
    while (*pattern && *path) {
        if (*pattern == '*') {
            size_t len = strcspn(path, "/");
            if (len == 0) {
                return false;
            }
            path += len;
            pattern++;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == *path;
}

static bool method_matches(const char *wanted, const char *method)
{
    return !strcmp(wanted, method) || (!strcmp(wanted, "GET") && !strcmp(method, "HEAD"));
}

const struct http_route *http_route_find(const struct http_route *routes, const char *method,
                                         const char *path, char allow[HTTP_ALLOW_BYTES])
{
    allow[0] = '\0';
    for (const struct http_route *route = routes; route->method; route++) {
        if (!path_matches(route->path, path)) {
            continue;
        }
        if (method_matches(route->method, method)) {
            return route;
        }
        size_t len = strlen(allow);
        snprintf(allow + len, HTTP_ALLOW_BYTES - len, "%s%s%s", len > 0 ? ", " : "", route->method,
                 strcmp(route->method, "GET") ? "" : ", HEAD");
    }
    return NULL;
}
