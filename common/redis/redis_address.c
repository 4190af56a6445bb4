// See redis_address.h. The URL is taken apart from both ends: the last @ ends the log-in, so that a
// password may hold any character but %, and only after it are / and ? and # separators.
#include "redis_address.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DATABASE_MAX 9999

static const struct {
    const char *scheme;
    enum redis_kind kind;
    bool has_tls, is_path;
} SCHEMES[] = {
    {"redis://", REDIS_SINGLE, false, false},
    {"rediss://", REDIS_SINGLE, true, false},
    {"valkey://", REDIS_SINGLE, false, false},
    {"valkeys://", REDIS_SINGLE, true, false},
    {"unix://", REDIS_SINGLE, false, true},
    {"redis+sentinel://", REDIS_SENTINEL, false, false},
    {"rediss+sentinel://", REDIS_SENTINEL, true, false},
    {"redis+cluster://", REDIS_CLUSTER, false, false},
    {"rediss+cluster://", REDIS_CLUSTER, true, false},
};
#define SCHEMES_COUNT (sizeof SCHEMES / sizeof SCHEMES[0])

// Parameters that other clients know; each is refused by its name.
#define FOREIGN(name)                                                                              \
    {                                                                                              \
        name, "the parameter " name " is not known here: db, family, protocol and "                \
              "ssl_cert_reqs=required are"                                                         \
    }
static const struct {
    const char *name, *sentence;
} FOREIGN_PARAMETERS[] = {
    FOREIGN("username"),
    FOREIGN("user"),
    FOREIGN("password"),
    FOREIGN("pass"),
    FOREIGN("auth"),
    FOREIGN("ssl"),
    FOREIGN("tls"),
    FOREIGN("ssl_ca_certs"),
    FOREIGN("ssl_certfile"),
    FOREIGN("ssl_keyfile"),
    FOREIGN("timeout"),
    FOREIGN("connect_timeout"),
    FOREIGN("connectTimeout"),
    FOREIGN("pool_size"),
    FOREIGN("socket_connect_timeout"),
    FOREIGN("socket_timeout"),
    FOREIGN("client_name"),
    FOREIGN("decode_responses"),
    FOREIGN("retry"),
    FOREIGN("prefix"),
    FOREIGN("max_connections"),
    FOREIGN("keepalive"),
    FOREIGN("readFrom"),
    FOREIGN("health_check_interval"),
    FOREIGN("encoding"),
    FOREIGN("name"),
    FOREIGN("sentinelMasterId"),
    FOREIGN("master"),
    FOREIGN("sslmode"),
    FOREIGN("retry_on_timeout"),
};

// Copies `text` to `out`, resolving %XX; false if it is too long or badly escaped.
static bool unescape(struct bytes_view text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++, len++) {
        char c = text.data[i];
        if (c == '%') {
            char digits[3] = {0};
            if (text.len - i < 3) {
                return false;
            }
            memcpy(digits, text.data + i + 1, 2);
            if (strspn(digits, "0123456789abcdefABCDEF") != 2) {
                return false;
            }
            c = (char)strtol(digits, NULL, 16);
            if (c == '\0') {
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
    return true;
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

// The part before the first `separator`, which is cut off `rest`; all of it if there is
// none: then `rest` has no data.
static struct bytes_view cut(struct bytes_view *rest, char separator)
{
    const char *found = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    struct bytes_view front = *rest;
    *rest = (struct bytes_view){NULL, 0};
    if (found) {
        *rest = (struct bytes_view){found + 1, front.len - (size_t)(found - front.data) - 1};
        front.len = (size_t)(found - front.data);
    }
    return front;
}

static const char *parse_login(struct redis_address *address, struct bytes_view login)
{
    struct bytes_view password = login;
    struct bytes_view user = cut(&password, ':');
    if (!password.data) {
        return "the log-in before the @ has no colon: write user:password@ or :password@";
    }
    if (!unescape(user, address->user, sizeof address->user)) {
        return "the user is too long, or has a % that is not followed by two hex digits (write "
               "%25 for %)";
    }
    if (!unescape(password, address->password, sizeof address->password)) {
        return "the password is too long, or has a % that is not followed by two hex digits "
               "(write %25 for %)";
    }
    if (user.len == 0 && password.len == 0) {
        return "the log-in before the @ is empty: write user:password@ or :password@";
    }
    // The default user without a password is logged in as it connects.
    address->has_login = password.len > 0 || strcmp(address->user, "default") != 0;
    return NULL;
}

static const char *parse_database(struct redis_address *address, struct bytes_view text)
{
    unsigned long number = 0;
    if (text.len > 0 && !parse_number(text, DATABASE_MAX, &number)) {
        return "the database after the last / must be a number from 0 to 9999";
    }
    address->database = (unsigned)number;
    return NULL;
}

static const char *parse_parameter(struct redis_address *address, struct bytes_view value,
                                   bool has_database)
{
    const unsigned from_path = address->database;
    unsigned long number = 0;
    struct bytes_view name = cut(&value, '=');
    if (view_equal_text(name, "db")) {
        if (!parse_number(value, DATABASE_MAX, &number)) {
            return "the parameter db must be a number from 0 to 9999";
        }
        address->database = (unsigned)number;
        return has_database && from_path != number
                   ? "the parameter db and the database after the / differ"
                   : NULL;
    }
    if (view_equal_text(name, "family")) {
        address->family = parse_number(value, 6, &number) ? (int)number : -1;
        return number == 0 || number == 4 || number == 6
                   ? (address->family < 0 ? "the parameter family must be 0, 4 or 6" : NULL)
                   : "the parameter family must be 0, 4 or 6";
    }
    if (view_equal_text(name, "protocol")) { // of the client's choice: replies mean the same
        return parse_number(value, 3, &number) && number >= 2
                   ? NULL
                   : "the parameter protocol must be 2 or 3";
    }
    if (view_equal_text(name, "ssl_cert_reqs")) {
        return view_equal_text(value, "required")
                   ? NULL
                   : "the parameter ssl_cert_reqs may only be required: certificates are always "
                     "checked (REDIS_CA_FILE names a CA of your own)";
    }
    for (size_t i = 0; i < sizeof FOREIGN_PARAMETERS / sizeof FOREIGN_PARAMETERS[0]; i++) {
        if (view_equal_text(name, FOREIGN_PARAMETERS[i].name)) {
            return FOREIGN_PARAMETERS[i].sentence;
        }
    }
    return "a parameter after the ? is not known here: db, family, protocol and "
           "ssl_cert_reqs=required are";
}

static const char *parse_parameters(struct redis_address *address, struct bytes_view rest,
                                    bool has_database)
{
    const char *problem = NULL;
    while (!problem && rest.len > 0) {
        struct bytes_view one = cut(&rest, '&');
        problem = parse_parameter(address, one, has_database);
    }
    return problem;
}

static const char *parse_host(struct redis_host *host, struct bytes_view text,
                              unsigned port_default)
{
    struct bytes_view port = text;
    struct bytes_view name = {NULL, 0};
    if (text.len > 0 && text.data[0] == '[') {
        port = (struct bytes_view){text.data + 1, text.len - 1};
        name = cut(&port, ']');
        if (!port.data) {
            return "an IPv6 address is written [address]";
        }
        if (port.len > 0 && port.data[0] != ':') {
            return "the port is written :6379 after the host";
        }
        port = port.len > 0 ? (struct bytes_view){port.data + 1, port.len - 1}
                            : (struct bytes_view){NULL, 0};
    } else {
        name = cut(&port, ':');
    }
    if (name.len == 0 || !unescape(name, host->name, sizeof host->name)) {
        return "the host is missing, too long or badly escaped";
    }
    unsigned long number = port_default;
    if (port.data && (!parse_number(port, 65535, &number) || number == 0)) {
        return "the port must be a number from 1 to 65535";
    }
    host->port = (uint16_t)number;
    return NULL;
}

static const char *parse_hosts(struct redis_address *address, struct bytes_view rest)
{
    const unsigned port = address->kind == REDIS_SENTINEL ? REDIS_SENTINEL_PORT : REDIS_PORT;
    const char *problem = NULL;
    if (address->kind == REDIS_SINGLE) {
        address->host_count = 1;
        return parse_host(&address->hosts[0], rest, port);
    }
    do {
        if (address->host_count == REDIS_HOSTS_MAX) {
            return "more than 16 hosts are named";
        }
        struct bytes_view one = cut(&rest, ',');
        problem = parse_host(&address->hosts[address->host_count++], one, port);
    } while (!problem && rest.data);
    return problem;
}

// Of a Sentinel's URL: /master or /master/database.
static const char *parse_path(struct redis_address *address, struct bytes_view path)
{
    if (address->kind == REDIS_SENTINEL) {
        struct bytes_view master = cut(&path, '/');
        if (master.len == 0 || !unescape(master, address->master, sizeof address->master)) {
            return "the master's name is missing or too long: write it after the hosts, as in "
                   "redis+sentinel://host:26379/mymaster";
        }
    }
    const char *problem = parse_database(address, path);
    return problem || address->kind != REDIS_CLUSTER || address->database == 0
               ? problem
               : "a cluster has no database but 0";
}

static const char *parse_socket(struct redis_address *address, struct bytes_view path)
{
    struct bytes_view parameters = path;
    path = cut(&parameters, '?');
    address->host_count = 1;
    if (path.len == 0 || !unescape(path, address->hosts[0].name, sizeof address->hosts[0].name)) {
        return "the path of the unix socket is missing, too long or badly escaped";
    }
    return parse_parameters(address, parameters, false);
}

// Of host[:port][/path][?parameters].
static const char *parse_server(struct redis_address *address, struct bytes_view rest)
{
    struct bytes_view parameters = rest;
    struct bytes_view path = cut(&parameters, '?');
    struct bytes_view hosts = cut(&path, '/');
    const char *problem = parse_hosts(address, hosts);
    problem = problem ? problem : parse_path(address, path);
    return problem ? problem : parse_parameters(address, parameters, path.len > 0);
}

const char *redis_address_parse(struct redis_address *address, const char *url)
{
    size_t i = 0;
    memset(address, 0, sizeof *address);
    while (i < SCHEMES_COUNT &&
           strncasecmp(url, SCHEMES[i].scheme, strlen(SCHEMES[i].scheme)) != 0) {
        i++;
    }
    if (i == SCHEMES_COUNT) {
        return "the scheme must be redis://, rediss://, unix://, redis+sentinel:// or "
               "redis+cluster://";
    }
    address->kind = SCHEMES[i].kind;
    address->has_tls = SCHEMES[i].has_tls;
    struct bytes_view rest = view_of_text(url + strlen(SCHEMES[i].scheme));
    // The path of a socket may have an @ of its own.
    bool has_login = !SCHEMES[i].is_path || rest.data[0] != '/';
    const char *at = has_login ? memrchr(rest.data, '@', rest.len) : NULL;
    if (at) {
        struct bytes_view login = {rest.data, (size_t)(at - rest.data)};
        const char *problem = parse_login(address, login);
        if (problem) {
            return problem;
        }
        rest = (struct bytes_view){at + 1, rest.len - login.len - 1};
    }
    if (rest.len > 0 && memchr(rest.data, '#', rest.len)) {
        return "the part after # means nothing here: remove it, or write %23 for a # in a password "
               "or path";
    }
    return SCHEMES[i].is_path ? parse_socket(address, rest) : parse_server(address, rest);
}
