// See gate.h. A browser on this machine visits other pages too: a page whose name resolves to
// 127.0.0.1 is stopped by Host, a page that posts here by Sec-Fetch-Site or Origin.
#include "gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_BYTES_MAX 256
#define ORIGIN_BYTES (HOST_BYTES_MAX + 16)

bool gate_is_loopback(const char *address)
{
    struct in_addr ip4;
    return inet_pton(AF_INET, address, &ip4) == 1 ? (ntohl(ip4.s_addr) >> 24) == 127
                                                  : !strcmp(address, "::1");
}

static bool is_trusted(const struct gate_rules *rules, const struct gate_request *request)
{
    return rules->proxies && peer_is_proxy(rules->proxies, request->peer);
}

// Copies the name of "name:port" or "[address]:port"; false if it is neither.
static bool name_of_host(const char *host, char name[HOST_BYTES_MAX])
{
    const char *begin = host, *end = host + strcspn(host, ":");
    if (host[0] == '[') {
        begin = host + 1;
        end = strchr(begin, ']');
    }
    size_t len = end ? (size_t)(end - begin) : 0;
    if (len == 0 || len >= HOST_BYTES_MAX) {
        return false;
    }
    view_copy((struct bytes_view){begin, len}, name, HOST_BYTES_MAX);
    const char *port = host[0] == '[' ? end + 1 : end;
    return !*port || (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1));
}

static bool is_listed(const char *list, const char *host, const char *name)
{
    while (list && *list) {
        size_t len = strcspn(list, ", ");
        const struct bytes_view item = {list, len};
        if (len > 0 &&
            (view_equal_ignoring_case(item, host) || view_equal_ignoring_case(item, name))) {
            return true;
        }
        list += len + (list[len] ? 1 : 0);
    }
    return false;
}

static bool host_is_ours(const struct gate_rules *rules, const char *host)
{
    char name[HOST_BYTES_MAX];
    return host && name_of_host(host, name) &&
           (!strcasecmp(name, "localhost") || gate_is_loopback(name) ||
            is_listed(rules->hosts, host, name));
}

bool gate_is_https(const struct gate_rules *rules, const struct gate_request *request)
{
    return is_trusted(rules, request) && request->forwarded_proto &&
           !strcasecmp(request->forwarded_proto, "https");
}

// Scheme and host as the browser has them.
static bool origin_is_ours(const struct gate_rules *rules, const struct gate_request *request)
{
    char own[ORIGIN_BYTES];
    const char *host = is_trusted(rules, request) && request->forwarded_host
                           ? request->forwarded_host
                           : request->host;
    snprintf(own, sizeof own, "%s://%s", gate_is_https(rules, request) ? "https" : "http", host);
    return !strcasecmp(own, request->origin);
}

static bool comes_from_our_page(const struct gate_rules *rules, const struct gate_request *request)
{
    if (request->sec_fetch_site) {
        return !strcmp(request->sec_fetch_site, "same-origin");
    }
    return request->origin ? origin_is_ours(rules, request) : request->is_get;
}

static bool is_json(const char *type)
{
    static const char JSON[] = "application/json";
    return type && !strncasecmp(type, JSON, sizeof JSON - 1) &&
           strchr("; ", type[sizeof JSON - 1]) != NULL;
}

static struct gate_verdict check_way(const struct gate_rules *rules,
                                     const struct gate_request *request)
{
    static const struct gate_verdict PASS = {0, NULL, NULL};
    if (!rules->has_token && !rules->user_header && request->is_forwarded) {
        return (struct gate_verdict){
            403, "proxied",
            "this request came through a proxy, and the board has no BOARD_TOKEN and no "
            "BOARD_USER_HEADER: anybody could read it; set one of them"};
    }
    if (rules->user_header && !is_trusted(rules, request)) {
        return (struct gate_verdict){
            403, "not_a_proxy",
            "BOARD_USER_HEADER is set, so requests are taken from TRUSTED_PROXIES only"};
    }
    if (rules->user_header && (!request->user || !*request->user)) {
        return (struct gate_verdict){
            403, "no_user", "the proxy sent no user in the header that BOARD_USER_HEADER names"};
    }
    return PASS;
}

struct gate_verdict gate_check(const struct gate_rules *rules, const struct gate_request *request)
{
    bool has_own_host = host_is_ours(rules, request->host) &&
                        (!request->forwarded_host || !is_trusted(rules, request) ||
                         host_is_ours(rules, request->forwarded_host));
    if (!has_own_host) {
        return (struct gate_verdict){
            421, "wrong_host",
            "this name is not the board's: use localhost, or add the name to BOARD_HOSTS"};
    }
    struct gate_verdict verdict = check_way(rules, request);
    if (verdict.status || !request->is_api) {
        return verdict;
    }
    if (!comes_from_our_page(rules, request)) {
        return (struct gate_verdict){403, "cross_site",
                                     "this request comes from another page than the board's"};
    }
    if (!request->is_get && !is_json(request->content_type)) {
        return (struct gate_verdict){415, "not_json", "send application/json"};
    }
    return verdict;
}

const char *gate_login_problem(const struct gate_rules *rules, const struct gate_request *request)
{
    bool is_direct =
        !request->is_forwarded && (gate_is_loopback(request->peer) || rules->is_local_only);
    if (is_direct || gate_is_https(rules, request)) {
        return NULL;
    }
    return is_trusted(rules, request)
               ? "the token would travel over plain http: the proxy must end TLS and send "
                 "X-Forwarded-Proto: https"
               : "the token would travel over plain http: put a proxy that ends TLS in front, and "
                 "its address into TRUSTED_PROXIES";
}
