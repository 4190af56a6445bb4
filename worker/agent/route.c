// A URL is taken apart by hand, because little is asked of it: which host, and is that host near
// enough for plain http.
#include "route.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CLOUD_URL "https://api.pipecat.daily.co/v1/public/%s/start"
#define HOST_BYTES_MAX 255
#define PORT_MAX 65535

static bool is_private_ip4(uint32_t ip)
{
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 20 == (172U << 4 | 1) ||
           ip >> 16 == (192U << 8 | 168) || ip >> 16 == (169U << 8 | 254) || // link-local
           ip >> 22 == (100U << 2 | 1); // shared by a carrier's or an overlay's hosts (RFC 6598)
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && !strcasecmp(text + len - end_len, end);
}

// A pattern of `len` bytes; `*` matches any part, also an empty one.
static bool matches(const char *pattern, size_t len, const char *host)
{
    if (len == 0) {
        return *host == '\0';
    }
    if (*pattern == '*') {
        return matches(pattern + 1, len - 1, host) || (*host && matches(pattern, len, host + 1));
    }
    return *host && tolower((unsigned char)*pattern) == tolower((unsigned char)*host) &&
           matches(pattern + 1, len - 1, host + 1);
}

// Last labels that the public DNS does not have: reserved (RFC 6761, 6762, 8375; ICANN for
// `internal`), or the own ones of platforms.
static const char *const PRIVATE_ENDS[] = {
    ".internal", ".local",     ".localhost", ".localdomain", ".lan",
    ".home",     ".home.arpa", ".corp",      ".intranet",    ".private",
    ".test",     ".svc",       ".consul",    ".docker",      ".flycast",
};

// One host, named in full, or all names below an end that is private. `*` may stand for any part of
// a name, also for the end of another's.
static bool is_private_pattern(const char *pattern)
{
    const char *star = strrchr(pattern, '*');
    bool is_private = star == NULL;
    for (size_t i = 0; star && i < sizeof PRIVATE_ENDS / sizeof PRIVATE_ENDS[0]; i++) {
        is_private = is_private || ends_with(star, PRIVATE_ENDS[i]);
    }
    return is_private;
}

// Takes the next pattern out of the list. Returns false after the last one. One that is too long
// for a host's name comes cut.
static bool next_pattern(const char **patterns, char pattern[HOST_BYTES_MAX + 1])
{
    static const char BETWEEN[] = ", ";
    const char *at = *patterns + strspn(*patterns, BETWEEN);
    size_t len = strcspn(at, BETWEEN);
    snprintf(pattern, HOST_BYTES_MAX + 1, "%.*s", (int)(len < INT_MAX ? len : INT_MAX), at);
    *patterns = at + len;
    return len > 0;
}

bool route_check_allow_http(const char *patterns, struct bytes *problem)
{
    char pattern[HOST_BYTES_MAX + 1];
    while (next_pattern(&patterns, pattern)) {
        if (!is_private_pattern(pattern)) {
            bytes_printf(problem,
                         "'%s' takes in public names, to which calls and keys must not go in the "
                         "clear: name each host in full, or a pattern that ends in a private "
                         "domain such as .internal, .local, .lan, .svc or .home.arpa",
                         pattern);
            return false;
        }
    }
    return true;
}

static bool is_allowed(const char *patterns, const char *host)
{
    char pattern[HOST_BYTES_MAX + 1];
    while (patterns && next_pattern(&patterns, pattern)) {
        if (is_private_pattern(pattern) && matches(pattern, strlen(pattern), host)) {
            return true;
        }
    }
    return false;
}

// Loopback, a private network, or a name without a dot as compose gives them. Resolvers take
// `0x08080808`, `134744072` and `010.1` as addresses too: such spellings are never near.
static bool is_near(const char *host, const char *allow_http)
{
    struct in_addr ip4;
    struct in6_addr ip6;
    if (inet_pton(AF_INET, host, &ip4) == 1) {
        return is_private_ip4(ntohl(ip4.s_addr));
    }
    if (inet_pton(AF_INET6, host, &ip6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&ip6) || (ip6.s6_addr[0] & 0xfe) == 0xfc ||
               IN6_IS_ADDR_LINKLOCAL(&ip6);
    }
    if (inet_aton(host, &ip4) || strchr(host, ':') || strchr(host, '%')) {
        return false;
    }
    return strchr(host, '.') == NULL || ends_with(host, ".localhost") ||
           !strcasecmp(host, "host.docker.internal") ||
           !strcasecmp(host, "gateway.containers.internal") ||
           !strcasecmp(host, "host.containers.internal") || is_allowed(allow_http, host);
}

// Nothing, or a colon and a number. Anything else may be a part of a password.
static bool is_port(const char *text, size_t len)
{
    long port = 0;
    for (size_t i = 1; i < len && port <= PORT_MAX; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (text[i] - '0');
    }
    return len == 0 || (text[0] == ':' && port <= PORT_MAX);
}

// Returns false if it is not `host[:port]`.
static bool copy_host(char host[HOST_BYTES_MAX + 1], const char *authority, size_t len)
{
    const bool is_bracketed = len > 0 && *authority == '[';
    const char *begin = authority + is_bracketed;
    const char *end = memchr(begin, is_bracketed ? ']' : ':', len - is_bracketed);
    if (!end && !is_bracketed) {
        end = authority + len;
    }
    if (!end || end == begin || end - begin > HOST_BYTES_MAX) {
        return false;
    }
    const char *after = end + is_bracketed;
    if (!is_port(after, (size_t)(authority + len - after))) {
        return false;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    return true;
}

bool route_check_url(const char *url, const char *allow_http, const char *sent,
                     const char *instead_of_user, struct bytes *problem)
{
    bool is_plain = !strncasecmp(url, "http://", 7);
    char host[HOST_BYTES_MAX + 1];
    if (!is_plain && strncasecmp(url, "https://", 8) != 0) {
        bytes_printf(problem, "must start with https:// (or http:// on a private network)");
        return false;
    }
    const char *authority = url + (is_plain ? 7 : 8);
    size_t len = strcspn(authority, "/?#");
    if (strlen(url) > ROUTE_URL_BYTES_MAX || strpbrk(url, " \t\"<>\\^`{|}") ||
        memchr(authority, '@', len) || !copy_host(host, authority, len)) {
        bytes_printf(problem,
                     "is not a URL of the form https://host[:port]/path (a user and a password in "
                     "it are not taken%s)",
                     instead_of_user);
        return false;
    }
    if (is_plain && !is_near(host, allow_http)) {
        bytes_printf(problem,
                     "sends %s in the clear to '%s': use https://, or name it in ALLOW_HTTP if it "
                     "is private",
                     sent, host);
        return false;
    }
    return true;
}

struct bytes_view route_url_host(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return (struct bytes_view){host, strcspn(host, "/?#")};
}

struct bytes_view route_url_without_query(const char *url)
{
    return (struct bytes_view){url, strcspn(url, "?")};
}

bool route_to_url(struct route *route, const char *start_url, const char *api_key,
                  struct bytes *problem)
{
    if (!route_check_url(start_url, route->allow_http, "the call and its key",
                         ": use START_API_KEY", problem)) {
        return false;
    }
    const char *authority = route_url_host(start_url).data;
    size_t named = strcspn(authority, "?#");
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
