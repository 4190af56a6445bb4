// A URL is taken apart by hand, because little is asked of it: which host, and is that host near
// enough for plain http.
#include "route.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CLOUD_URL "https://api.pipecat.daily.co/v1/public/%s/start"
#define HOST_BYTES_MAX 255

static bool is_private_ip4(uint32_t ip)
{
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == (172U << 4 | 1) ||
           ip >> 16 == (192U << 8 | 168);
}

// Loopback, a private network, or a name without a dot as compose gives them.
static bool is_near(const char *host)
{
    struct in_addr ip4;
    struct in6_addr ip6;
    if (inet_pton(AF_INET, host, &ip4) == 1) {
        return is_private_ip4(ntohl(ip4.s_addr));
    }
    if (inet_pton(AF_INET6, host, &ip6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&ip6) || (ip6.s6_addr[0] & 0xfe) == 0xfc;
    }
    return strchr(host, '.') == NULL || !strcmp(host, "host.docker.internal");
}

static bool copy_host(char host[HOST_BYTES_MAX + 1], const char *authority, size_t len)
{
    const char *begin = authority;
    const char *end = authority + len;
    if (len > 0 && *begin == '[') {
        begin++;
        end = memchr(begin, ']', len - 1);
    } else {
        const char *colon = memchr(begin, ':', len);
        end = colon ? colon : end;
    }
    if (!end || end == begin || end - begin > HOST_BYTES_MAX) {
        return false;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    return true;
}

bool route_to_url(struct route *route, const char *start_url, const char *api_key,
                  struct bytes *problem)
{
    bool is_plain = !strncmp(start_url, "http://", 7);
    char host[HOST_BYTES_MAX + 1];
    if (!is_plain && strncmp(start_url, "https://", 8) != 0) {
        bytes_printf(problem, "must start with https:// (or http:// on a private network)");
        return false;
    }
    const char *authority = start_url + (is_plain ? 7 : 8);
    size_t len = strcspn(authority, "/?#");
    if (strlen(start_url) > ROUTE_URL_BYTES_MAX || strpbrk(start_url, " \t\"<>\\^`{|}") ||
        memchr(authority, '@', len) || !copy_host(host, authority, len)) {
        bytes_printf(problem, "is not a URL of the form https://host[:port]/path (a user and a "
                              "password in it are not taken: use START_API_KEY)");
        return false;
    }
    if (is_plain && !is_near(host)) {
        bytes_printf(problem, "sends the call and its key in the clear to '%s': use https://",
                     host);
        return false;
    }
    const char *path = authority + len;
    size_t named = len + strcspn(path, "?#");
    if (named > ROUTE_AGENT_BYTES_MAX) {
        bytes_printf(problem, "is too long: host and path may have %d characters",
                     ROUTE_AGENT_BYTES_MAX);
        return false;
    }
    memcpy(route->agent, authority, named);
    route->agent[named] = '\0';
    snprintf(route->start_url, sizeof route->start_url, "%s", start_url);
    route->api_key = api_key;
    return true;
}

bool route_to_cloud(struct route *route, const char *agent_name, const char *api_key,
                    struct bytes *problem)
{
    size_t len = strspn(agent_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789-_.");
    if (len == 0 || agent_name[len] || len > ROUTE_AGENT_BYTES_MAX) {
        bytes_printf(problem, "may have letters, digits, '-', '_' and '.' only");
        return false;
    }
    snprintf(route->agent, sizeof route->agent, "%s", agent_name);
    snprintf(route->start_url, sizeof route->start_url, CLOUD_URL, agent_name);
    route->api_key = api_key;
    return true;
}
