// REDIS_URL and error replies: the parts of common/redis/redis.h that need no connection. Pure.
#include "redis_address.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

// Copies `text` to `out`, resolving %XX; false where it is too long, empty or badly escaped.
static bool unescape(struct bytes_view text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        char c = text.data[i];
        if (c == '%') {
            char digits[3] = {0};
            char *end = digits;
            if (text.len - i < 3) {
                return false;
            }
            memcpy(digits, text.data + i + 1, 2);
            c = (char)strtol(digits, &end, 16);
            if (end != digits + 2 || c == '\0') {
                return false;
            }
            i += 2;
        }
        if (len + 1 >= size) {
            return false;
        }
        out[len] = c;
    }
    out[len] = '\0';
    return len > 0;
}

static bool parse_number(struct bytes_view text, unsigned long max, unsigned long *number)
{
    char digits[8];
    if (text.len == 0 || text.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    if (strspn(digits, "0123456789") != text.len) {
        return false;
    }
    *number = strtoul(digits, NULL, 10);
    return *number <= max;
}

static const char *parse_login(struct redis_address *address, struct bytes_view login)
{
    const char *colon = memchr(login.data, ':', login.len);
    if (!colon) {
        return "REDIS_URL: write user:password@ or :password@ before the host";
    }
    struct bytes_view user = {login.data, (size_t)(colon - login.data)};
    struct bytes_view password = {colon + 1, login.len - user.len - 1};
    if (user.len > 0 && !unescape(user, address->user, sizeof address->user)) {
        return "REDIS_URL: the user is too long or badly escaped";
    }
    if (!unescape(password, address->password, sizeof address->password)) {
        return "REDIS_URL: the password is empty, too long or badly escaped (write %40 for @)";
    }
    return NULL;
}

static const char *parse_database(struct redis_address *address, struct bytes_view text)
{
    unsigned long number = 0;
    if (text.len > 0 && !parse_number(text, 9999, &number)) {
        return "REDIS_URL: the database behind the last / must be a number";
    }
    address->database = (unsigned)number;
    return NULL;
}

static const char *parse_host_and_port(struct redis_address *address, struct bytes_view text)
{
    struct bytes_view host = text;
    struct bytes_view port = {NULL, 0};
    if (text.len > 0 && text.data[0] == '[') {
        const char *end = memchr(text.data, ']', text.len);
        if (!end) {
            return "REDIS_URL: an IPv6 address is written [address]";
        }
        host = (struct bytes_view){text.data + 1, (size_t)(end - text.data) - 1};
        size_t rest = text.len - host.len - 2;
        if (rest > 0 && end[1] != ':') {
            return "REDIS_URL: a port is written :6379 behind the host";
        }
        port = rest > 0 ? (struct bytes_view){end + 2, rest - 1} : port;
    } else {
        const char *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
        if (colon) {
            host.len = (size_t)(colon - text.data);
            port = (struct bytes_view){colon + 1, text.len - host.len - 1};
        }
    }
    if (!unescape(host, address->host, sizeof address->host)) {
        return "REDIS_URL: the host is missing or too long";
    }
    unsigned long number = 6379;
    if (port.data && (!parse_number(port, 65535, &number) || number == 0)) {
        return "REDIS_URL: the port must be a number from 1 to 65535";
    }
    address->port = (uint16_t)number;
    return NULL;
}

static bool starts_with(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

const char *redis_address_parse(struct redis_address *address, const char *url)
{
    memset(address, 0, sizeof *address);
    if (starts_with(url, "rediss://")) {
        return "REDIS_URL: TLS to Redis (rediss://) is not in this version; use redis:// inside a "
               "private network";
    }
    if (starts_with(url, "redis+sentinel://")) {
        return "REDIS_URL: Sentinel (redis+sentinel://) is not in this version; name the master "
               "with redis://";
    }
    if (starts_with(url, "unix://")) {
        return unescape(view_of_text(url + 7), address->host, sizeof address->host)
                   ? NULL
                   : "REDIS_URL: the path of the unix socket is missing or too long";
    }
    if (!starts_with(url, "redis://")) {
        return "REDIS_URL: must start with redis:// or unix://";
    }
    struct bytes_view rest = view_of_text(url + 8);
    const char *at = memrchr(rest.data, '@', rest.len);
    if (at) {
        struct bytes_view login = {rest.data, (size_t)(at - rest.data)};
        const char *trouble = parse_login(address, login);
        if (trouble) {
            return trouble;
        }
        rest = (struct bytes_view){at + 1, rest.len - login.len - 1};
    }
    const char *slash = rest.len > 0 ? memchr(rest.data, '/', rest.len) : NULL;
    if (slash) {
        struct bytes_view database = {slash + 1, rest.len - (size_t)(slash - rest.data) - 1};
        const char *trouble = parse_database(address, database);
        if (trouble) {
            return trouble;
        }
        rest.len = (size_t)(slash - rest.data);
    }
    return parse_host_and_port(address, rest);
}
