// Any bytes as what a client sends, through a socket pair to the real server: libmicrohttpd as the
// ingress configures it, and our comparison of what it understood with what came. A second, strict
// reader stands beside it here. Each request of the strict reading is served as what it is, or
// refused; the first one that is not strict may get an answer of its own, and nothing follows it.
//
// The first byte chooses how the rest is cut into pieces, and whether requests are parked.
#include "http_internal.h"
#include "log.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define BODY_BYTES_MAX 2048
#define DIGITS_MAX 9
#define TURNS_PER_PIECE 2
#define TURNS_AT_THE_END 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *loop;
static struct loop_timer *turn_timer;
static struct http_server *server;
static struct bytes_view rest; // what the strict reader has not read yet
static bool is_last;           // the last request was not strict
static bool is_parking;
static struct http_request *parked;

// --- the strict reader --------------------------------------------------------------------------

struct strict {
    struct bytes_view method, path, body;
    size_t len;      // head and body
    bool has_length; // a Content-Length was there
};

static size_t span(struct bytes_view text, const char *more, bool (*is_one)(unsigned char))
{
    size_t len = 0;
    while (len < text.len && (is_one((unsigned char)text.data[len]) ||
                              (text.data[len] && strchr(more, text.data[len])))) {
        len++;
    }
    return len;
}

static bool is_name(unsigned char c)
{
    return isalnum(c);
}

static bool is_digit(unsigned char c)
{
    return isdigit(c);
}

static bool is_visible(unsigned char c)
{
    return c > 0x20 && c != 0x7f; // a URI of other bytes has the same end for everybody
}

static bool is_of_value(unsigned char c)
{
    return c >= 0x20 && c != 0x7f;
}

static struct bytes_view take(struct bytes_view *text, size_t len)
{
    struct bytes_view taken = {text->data, len};
    *text = (struct bytes_view){text->data + len, text->len - len};
    return taken;
}

static bool take_text(struct bytes_view *text, const char *wanted)
{
    size_t len = strlen(wanted);
    bool is_there = text->len >= len && !memcmp(text->data, wanted, len);
    take(text, is_there ? len : 0);
    return is_there;
}

static bool is_called(struct bytes_view name, const char *wanted)
{
    return name.len == strlen(wanted) && !strncasecmp(name.data, wanted, name.len);
}

static bool take_header(struct bytes_view *text, struct strict *strict, size_t *body_len)
{
    static const char TOKEN[] = "!#$%&'*+-.^_`|~";
    struct bytes_view name = take(text, span(*text, TOKEN, is_name));
    if (name.len == 0 || !take_text(text, ":")) {
        return false;
    }
    take(text, strspn(text->data, " \t"));
    struct bytes_view value = take(text, span(*text, "\t", is_of_value));
    while (value.len > 0 && strchr(" \t", value.data[value.len - 1])) {
        value.len--;
    }
    if (is_called(name, "Content-Length")) {
        bool is_number = value.len > 0 && value.len <= DIGITS_MAX &&
                         strspn(value.data, "0123456789") == value.len;
        if (strict->has_length || !is_number) {
            return false;
        }
        strict->has_length = true;
        *body_len = strtoul(value.data, NULL, 10);
    }
    return !is_called(name, "Transfer-Encoding") && take_text(text, "\r\n");
}

// False if the text does not begin with a request beyond doubt. The body may be cut off.
static bool read_strictly(struct bytes_view text, struct strict *strict)
{
    const char *begin = text.data;
    size_t body_len = 0;
    *strict = (struct strict){0};
    strict->method = take(&text, span(text, "!#$%&'*+-.^_`|~", is_name));
    if (strict->method.len == 0 || !take_text(&text, " ")) {
        return false;
    }
    strict->path = take(&text, span(text, "", is_visible));
    if (strict->path.len == 0 || !take_text(&text, " HTTP/1.") ||
        take(&text, span(text, "", is_digit)).len != 1 || !take_text(&text, "\r\n")) {
        return false;
    }
    while (!take_text(&text, "\r\n")) {
        if (!take_header(&text, strict, &body_len)) {
            return false;
        }
    }
    strict->body = (struct bytes_view){text.data, body_len < text.len ? body_len : text.len};
    strict->len = (size_t)(text.data - begin) + body_len;
    const char *query = memchr(strict->path.data, '?', strict->path.len);
    strict->path.len = query ? (size_t)(query - strict->path.data) : strict->path.len;
    return true;
}

// --- the server's side --------------------------------------------------------------------------

// A request was served, or refused (`request` is NULL).
static void note(const struct http_request *request)
{
    struct strict strict;
    assert(!is_last); // nothing follows what can be read in two ways
    if (!read_strictly(rest, &strict)) {
        is_last = true;
        return;
    }
    if (request) {
        assert(view_equal_text(strict.method, http_request_method(request)));
        assert(view_equal_text(strict.path, http_request_path(request)));
        assert(strict.len <= rest.len && view_equal(strict.body, http_request_body(request)));
    }
    is_last = strict.len > rest.len;
    take(&rest, is_last ? 0 : strict.len);
}

static void on_request(struct http_request *request, void *arg)
{
    (void)arg;
    note(request);
    assert(http_request_body(request).len <= BODY_BYTES_MAX);
    if (is_parking) {
        assert(!parked); // a connection has one request at a time
        parked = request;
    } else {
        http_reply(request, 200, VIEW("{}"), NULL);
    }
}

static void on_refusal(const char *path, const char *code, void *arg)
{
    (void)path, (void)code, (void)arg;
    note(NULL);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void open_server(void)
{
    static const struct http_route ROUTES[] = {{"POST", "/api/dial", NULL, on_request},
                                               {"POST", "/daily-dialin-webhook", NULL, on_request},
                                               {"GET", "/", NULL, on_request},
                                               {NULL, NULL, NULL, NULL}};
    const struct http_server_options options = {.listen_addr = "127.0.0.1",
                                                .body_bytes_max = BODY_BYTES_MAX,
                                                .bodies_bytes_max = 1 << 20,
                                                .connections_max = 100,
                                                .routes = ROUTES,
                                                .on_refusal = on_refusal};
    log_open("fuzz", LOG_LEVEL_ERROR, false);
    loop = loop_open();
    turn_timer = loop_timer_open(loop, stop, loop);
    server = http_server_open(loop, &options);
    assert(server);
}

static void run_a_turn(void)
{
    loop_timer_start(turn_timer, 0);
    loop_run(loop);
    if (parked) {
        struct http_request *request = parked;
        parked = NULL;
        http_reply(request, 200, VIEW("{}"), NULL);
    }
}

// --- the client's side --------------------------------------------------------------------------

static void read_answers(int fd, bool *is_first)
{
    char answer[4096];
    ssize_t len;
    while ((len = recv(fd, answer, sizeof answer, MSG_DONTWAIT)) > 0) {
        assert(!*is_first || (len > 9 && !memcmp(answer, "HTTP/1.", 7)));
        *is_first = false;
    }
}

static void send_all(int fd, const uint8_t *data, size_t size, size_t piece)
{
    bool is_first = true;
    for (size_t at = 0; at < size; at += piece) {
        size_t len = piece < size - at ? piece : size - at;
        if (send(fd, data + at, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len) {
            break; // hung up on
        }
        for (unsigned i = 0; i < TURNS_PER_PIECE; i++) {
            run_a_turn();
        }
        read_answers(fd, &is_first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t PIECES[] = {4096, 1, 2, 7, 40, 200, 1000, 4096};
    const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xcb007101)};
    int pair[2];
    if (!server) {
        open_server();
    }
    if (size == 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) {
        return 0;
    }
    // With a NUL after it, which no part of a strict head contains.
    char *copy = malloc(size);
    assert(copy);
    memcpy(copy, data + 1, size - 1);
    copy[size - 1] = '\0';
    rest = (struct bytes_view){copy, size - 1};
    is_last = false;
    is_parking = data[0] & 8;
    assert(MHD_add_connection(server->daemon, pair[1], (const struct sockaddr *)(const void *)&peer,
                              sizeof peer) == MHD_YES);
    send_all(pair[0], data + 1, size - 1, PIECES[data[0] & 7]);
    close(pair[0]);
    for (unsigned i = 0; server->connections > 0; i++) {
        assert(i < TURNS_AT_THE_END);
        run_a_turn();
    }
    free(copy);
    return 0;
}
