// The one file that knows libcurl: a multi handle on the loop, one easy handle for each request,
// kept for the next. libcurl asks `may_be_sent` each time before a request leaves, head and body in
// one write, and is allowed it once: where it would send a POST a second time on a fresh
// connection, the transfer ends instead, with an outcome nobody knows. Whether the request was
// allowed to leave is what tells HTTP_NOT_SENT from HTTP_UNKNOWN.
//
// A connection is watched by the loop from its first request to its end, also while it is idle, so
// that a request costs no change of what is watched; `open_connection` and `close_connection` say
// when it begins and ends. Other sockets of libcurl's (its resolver's) are closed unseen, and are
// watched only for as long as libcurl says.
//
// Surprising: curl_multi_info_read has to be drained after the timer's call too, or a request that
// timed out is never reported; and a timeout of -1 means "no timer".
#include "http_client.h"

#include "memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE_EASY_MAX 256
#define SOCKETS_AT_FIRST 64

struct socket_watch {
    struct loop_watch *watch; // NULL: libcurl has not asked for it yet
    struct http_client *client;
    curl_socket_t fd;
    bool is_connection;
    bool is_idle; // libcurl does not want to hear of it
};

struct exchange {
    struct exchange *next, *previous; // among those out, or `next` among the spare
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    char *body;
    bool (*may_send)(void *arg);
    http_on_answer *on_answer;
    void *arg;
    uint64_t begun_us;
    struct bytes answer;
    struct bytes retry_after;
    size_t head_bytes;
    bool is_cut;
    bool was_allowed;
    bool was_forbidden;
};

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct exchange *out;
    struct exchange *spare;
    unsigned spare_count;
    struct socket_watch **sockets; // by descriptor; NULL where there is none
    size_t socket_count;
};

// --- what libcurl asks for --------------------------------------------------------------------

static int may_be_sent(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    struct exchange *exchange = arg;
    if (exchange->was_allowed) {
        return CURL_PREREQFUNC_ABORT; // libcurl would send it again
    }
    if (exchange->may_send && !exchange->may_send(exchange->arg)) {
        exchange->was_forbidden = true;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->was_allowed = true;
    return CURL_PREREQFUNC_OK;
}

static size_t take_answer(char *data, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    size_t len = size * count;
    size_t room = exchange->answer.max - exchange->answer.len;
    bytes_append(&exchange->answer, data, len < room ? len : room);
    exchange->is_cut |= len > room;
    return len <= room ? len : CURL_WRITEFUNC_ERROR;
}

static size_t take_header(char *data, size_t size, size_t count, void *arg)
{
    static const char NAME[] = "retry-after:";
    struct exchange *exchange = arg;
    size_t len = size * count;
    exchange->head_bytes += len;
    if (exchange->head_bytes > HTTP_ANSWER_HEAD_BYTES_MAX) {
        return CURL_WRITEFUNC_ERROR;
    }
    if (len > sizeof NAME && !strncasecmp(data, NAME, sizeof NAME - 1)) {
        const char *value = data + sizeof NAME - 1;
        const char *end = data + len;
        while (value < end && (*value == ' ' || *value == '\t')) {
            value++;
        }
        while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) {
            end--;
        }
        bytes_clear(&exchange->retry_after);
        bytes_append(&exchange->retry_after, value, (size_t)(end - value));
    }
    return len;
}

// --- the loop's side --------------------------------------------------------------------------

static void report_finished(struct http_client *client);

static void socket_ready(int events, void *arg)
{
    struct socket_watch *socket = arg;
    struct http_client *client = socket->client;
    int running = 0;
    int mask = (events & LOOP_READABLE ? CURL_CSELECT_IN : 0) |
               (events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0);
    if (socket->is_idle) {
        loop_watch_set(socket->watch, 0); // the other side has closed it: libcurl finds out itself
        return;
    }
    curl_multi_socket_action(client->multi, socket->fd, mask, &running); // may free `socket`
    report_finished(client);
}

static void time_is_up(void *arg)
{
    struct http_client *client = arg;
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_finished(client);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_client *client = arg;
    if (timeout_ms < 0) {
        loop_timer_stop(client->timer);
    } else {
        loop_timer_start(client->timer, (uint64_t)timeout_ms);
    }
    return 0;
}

static struct socket_watch *find_socket(struct http_client *client, curl_socket_t fd)
{
    return (size_t)fd < client->socket_count ? client->sockets[fd] : NULL;
}

static struct socket_watch *add_socket(struct http_client *client, curl_socket_t fd)
{
    struct socket_watch *socket = memory_zeroed(sizeof *socket);
    size_t count = client->socket_count > 0 ? client->socket_count : SOCKETS_AT_FIRST;
    while (count <= (size_t)fd) {
        count *= 2;
    }
    if (count > client->socket_count) {
        client->sockets = memory_resized(client->sockets, count * sizeof(struct socket_watch *));
        memset(client->sockets + client->socket_count, 0,
               (count - client->socket_count) * sizeof(struct socket_watch *));
        client->socket_count = count;
    }
    socket->client = client;
    socket->fd = fd;
    client->sockets[fd] = socket;
    return socket;
}

static void forget_socket(struct http_client *client, curl_socket_t fd)
{
    struct socket_watch *socket = find_socket(client, fd);
    if (socket) {
        client->sockets[fd] = NULL;
        loop_watch_close(socket->watch);
        free(socket);
    }
}

static curl_socket_t open_connection(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct http_client *client = arg;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    add_socket(client, fd)->is_connection = true;
    return fd;
}

static int close_connection(void *arg, curl_socket_t fd)
{
    forget_socket(arg, fd);
    return close(fd);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    (void)easy, (void)of_socket;
    struct http_client *client = arg;
    struct socket_watch *socket = find_socket(client, fd);
    if (what == CURL_POLL_REMOVE && !(socket && socket->is_connection)) {
        forget_socket(client, fd);
        return 0;
    }
    socket = socket ? socket : add_socket(client, fd);
    if (!socket->watch) {
        socket->watch = loop_watch_open(client->loop, fd, socket_ready, socket);
    }
    socket->is_idle = what == CURL_POLL_REMOVE;
    loop_watch_set(socket->watch, socket->is_idle ? LOOP_READABLE
                                                  : (what & CURL_POLL_IN ? LOOP_READABLE : 0) |
                                                        (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0));
    return 0;
}

// --- requests ---------------------------------------------------------------------------------

static void set_option_failed(CURLcode code)
{
    assert(code == CURLE_OK); // a wrong option is our own mistake
    (void)code;
}

#define SET(easy, option, value) set_option_failed(curl_easy_setopt(easy, option, value))

static CURL *new_easy(struct http_client *client)
{
    CURL *easy = curl_easy_init();
    assert(easy);
    SET(easy, CURLOPT_POST, 1L);
    SET(easy, CURLOPT_PREREQFUNCTION, may_be_sent);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_connection);
    SET(easy, CURLOPT_OPENSOCKETDATA, client);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, close_connection);
    SET(easy, CURLOPT_CLOSESOCKETDATA, client);
    SET(easy, CURLOPT_WRITEFUNCTION, take_answer);
    SET(easy, CURLOPT_HEADERFUNCTION, take_header);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    SET(easy, CURLOPT_MAXAGE_CONN, (long)HTTP_KEPT_IDLE_S);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_TCP_NODELAY, 1L);
    return easy;
}

static struct exchange *take_exchange(struct http_client *client)
{
    struct exchange *exchange = client->spare;
    if (exchange) {
        client->spare = exchange->next;
        client->spare_count--;
    } else {
        exchange = memory_zeroed(sizeof *exchange);
        exchange->client = client;
        exchange->easy = new_easy(client);
        bytes_init(&exchange->answer, HTTP_ANSWER_BYTES_MAX);
        bytes_init(&exchange->retry_after, 128);
        SET(exchange->easy, CURLOPT_PREREQDATA, exchange);
        SET(exchange->easy, CURLOPT_WRITEDATA, exchange);
        SET(exchange->easy, CURLOPT_HEADERDATA, exchange);
        SET(exchange->easy, CURLOPT_PRIVATE, exchange);
        SET(exchange->easy, CURLOPT_ERRORBUFFER, exchange->error);
    }
    exchange->previous = NULL;
    exchange->next = client->out;
    if (exchange->next) {
        exchange->next->previous = exchange;
    }
    client->out = exchange;
    return exchange;
}

static void free_exchange(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    bytes_release(&exchange->answer);
    bytes_release(&exchange->retry_after);
    free(exchange);
}

static void give_back(struct exchange *exchange, bool is_sound)
{
    struct http_client *client = exchange->client;
    *(exchange->previous ? &exchange->previous->next : &client->out) = exchange->next;
    if (exchange->next) {
        exchange->next->previous = exchange->previous;
    }
    curl_slist_free_all(exchange->headers);
    free(exchange->body);
    exchange->headers = NULL;
    exchange->body = NULL;
    // What a failed transfer leaves behind may fail all later ones (libcurl 8.14, after a rewind).
    if (!is_sound || client->spare_count == SPARE_EASY_MAX) {
        free_exchange(exchange);
        return;
    }
    bytes_release(&exchange->answer); // a spare one holds no memory of its last answer
    bytes_init(&exchange->answer, HTTP_ANSWER_BYTES_MAX);
    bytes_clear(&exchange->retry_after);
    exchange->next = client->spare;
    client->spare = exchange;
    client->spare_count++;
}

void http_client_post(struct http_client *client, const struct http_post *post,
                      http_on_answer *on_answer, void *arg)
{
    struct exchange *exchange = take_exchange(client);
    exchange->body = memory_text_of(post->body.data, post->body.len);
    exchange->may_send = post->may_send;
    exchange->on_answer = on_answer;
    exchange->arg = arg;
    exchange->begun_us = loop_now_us();
    exchange->head_bytes = 0;
    exchange->is_cut = exchange->was_allowed = exchange->was_forbidden = false;
    exchange->error[0] = '\0';
    exchange->headers = curl_slist_append(NULL, "Expect:"); // no pause before the body
    for (const char *const *header = post->headers; header && *header; header++) {
        exchange->headers = curl_slist_append(exchange->headers, *header);
    }
    assert(exchange->headers);
    SET(exchange->easy, CURLOPT_URL, post->url);
    SET(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
    SET(exchange->easy, CURLOPT_POSTFIELDS, exchange->body);
    SET(exchange->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body.len);
    SET(exchange->easy, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms);
    CURLMcode code = curl_multi_add_handle(client->multi, exchange->easy);
    assert(code == CURLM_OK);
    (void)code;
}

static void answer(struct exchange *exchange, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    struct http_answer answer = {
        .status = (unsigned)status,
        .body = bytes_view(&exchange->answer),
        .body_is_cut = exchange->is_cut || (code != CURLE_OK && exchange->answer.len > 0),
        .retry_after = bytes_view(&exchange->retry_after),
        .latency_us = loop_now_us() - exchange->begun_us,
    };
    if (status >= 200) {
        answer.outcome = HTTP_ANSWERED; // what broke behind the status line changes nothing
    } else {
        answer.outcome = exchange->was_allowed ? HTTP_UNKNOWN : HTTP_NOT_SENT;
        answer.status = 0;
    }
    if (exchange->was_forbidden) {
        answer.error = "the lease was too old to send";
    } else if (code != CURLE_OK) {
        answer.error = exchange->error[0] ? exchange->error : curl_easy_strerror(code);
    }
    exchange->on_answer(&answer, exchange->arg);
}

static void report_finished(struct http_client *client)
{
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        struct exchange *exchange = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        curl_multi_remove_handle(client->multi, exchange->easy);
        answer(exchange, code);
        give_back(exchange, code == CURLE_OK);
    }
}

struct http_client *http_client_open(struct loop *loop, unsigned connections_max)
{
    struct http_client *client = memory_zeroed(sizeof *client);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->loop = loop;
    client->timer = loop_timer_open(loop, time_is_up, client);
    client->multi = curl_multi_init();
    assert(client->multi);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    return client;
}

void http_client_close(struct http_client *client)
{
    struct exchange *next = NULL;
    for (struct exchange *exchange = client->out; exchange; exchange = next) {
        next = exchange->next;
        curl_multi_remove_handle(client->multi, exchange->easy);
        snprintf(exchange->error, sizeof exchange->error, "broken off at shutdown");
        answer(exchange, CURLE_ABORTED_BY_CALLBACK);
        give_back(exchange, false);
    }
    while (client->spare) {
        struct exchange *exchange = client->spare;
        client->spare = exchange->next;
        free_exchange(exchange);
    }
    curl_multi_cleanup(client->multi);
    for (size_t fd = 0; fd < client->socket_count; fd++) {
        forget_socket(client, (curl_socket_t)fd);
    }
    free(client->sockets);
    loop_timer_close(client->timer);
    curl_global_cleanup();
    free(client);
}
