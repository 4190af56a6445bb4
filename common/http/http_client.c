// What libcurl does for us: a multi handle on the loop, one easy handle for each request,
// kept for the next. libcurl asks `may_be_sent` each time before a request leaves, head and body in
// one write, and is allowed it once: if it would send a POST a second time on a fresh connection,
// the transfer ends instead, with an unknown outcome. Whether the request was allowed to leave
// tells HTTP_NOT_SENT from HTTP_UNKNOWN.
//
// Sockets follow the model that libcurl documents. It rests on three promises: libcurl calls
// CURLMOPT_SOCKETFUNCTION before it waits for a socket; it says CURL_POLL_REMOVE before the
// transfer that it named goes on to a socket of another number; it opens every connection by
// CURLOPT_OPENSOCKETFUNCTION. It does not rest on CURLOPT_CLOSESOCKETFUNCTION: libcurl 7.88 closes
// a socket that never connected without it, and only then says CURL_POLL_REMOVE. If the next
// address' socket got the same number in between, libcurl would report no change and the kernel
// would watch nothing: http_sockets_new gives no number that is still watched.
//
// If an address takes too long, libcurl 7.88 closes its socket and then waits for nothing at all:
// it tries the next address only when something else makes it run, mostly too late. A transfer
// whose last socket went before its request left is therefore made to run again (curl_easy_pause).
//
// Surprising: curl_multi_info_read has to be drained after the timer's call too, or a request that
// timed out is never reported; and a timeout of -1 means "no timer".
#include "http_client.h"

#include "http_answer_head.h"
#include "http_client_options.h"
#include "http_client_queue.h"
#include "http_client_sockets.h"
#include "http_client_trust.h"
#include "memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_EASY_MAX 256
#define US_PER_MS 1000
#define LOCATION_BYTES_MAX 2048 // a longer one counts as absent

struct exchange {
    struct exchange *next, *previous; // among those out, or `next` among the spare
    struct http_queued queued;
    struct http_client *client;
    CURL *easy;
    struct http_client_trust *trust; // NULL until it has begun once
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    char *body;
    bool (*may_send)(void *arg);
    http_on_answer *on_answer;
    void *arg;
    uint64_t begun_us, timeout_us;
    struct bytes answer;
    struct bytes retry_after, location;
    size_t head_bytes;
    bool is_cut, was_allowed, was_forbidden;
    bool has_begun;    // libcurl has it
    bool is_unwatched; // the kernel refuses to watch its socket
    bool is_stranded;  // its socket is gone, and its request has not left
    bool is_answered;  // a final status line came
};

struct http_client {
    CURLM *multi;
    struct http_client_trust *trust;
    struct loop_timer *timer;
    bool is_timer_due; // it fires in the next turn
    struct loop_timer *begin_timer;
    struct http_sockets *sockets;
    struct http_client_settings settings;
    struct exchange *out;
    struct http_queue queue; // of exchanges that have not begun
    struct exchange *spare;
    unsigned spare_count;
    bool has_unwatched;
    bool has_stranded;
};

// --- requests of libcurl ----------------------------------------------------------------------

static struct exchange *exchange_of(struct http_queued *queued)
{
    return (struct exchange *)(void *)((char *)queued - offsetof(struct exchange, queued));
}

static void set_connected(struct exchange *exchange)
{
    if (http_queue_connected(&exchange->client->queue, &exchange->queued)) {
        loop_timer_start(exchange->client->begin_timer, 0);
    }
}

static int may_be_sent(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    struct exchange *exchange = arg;
    if (exchange->was_allowed) {
        return CURL_PREREQFUNC_ABORT; // libcurl would send it again
    }
    set_connected(exchange);
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
    struct exchange *exchange = arg;
    size_t len = size * count;
    exchange->head_bytes += len;
    exchange->is_answered = http_answer_head_is_final(data, len, exchange->is_answered);
    if (exchange->head_bytes > HTTP_ANSWER_HEAD_BYTES_MAX) {
        return CURL_WRITEFUNC_ERROR;
    }
    http_answer_head_value(data, len, "retry-after:", &exchange->retry_after);
    http_answer_head_value(data, len, "location:", &exchange->location);
    return len;
}

// --- the loop's side --------------------------------------------------------------------------

static void report_finished(struct http_client *client);

// The clock is read only if the time limits something, since it costs a system call.
static void act(struct http_client *client, curl_socket_t fd, int mask)
{
    const uint64_t before_us = client->queue.connecting > 0 ? loop_cpu_us() : 0;
    int running = 0;
    curl_multi_socket_action(client->multi, fd, mask, &running);
    http_queue_used(&client->queue, before_us > 0 ? loop_cpu_us() - before_us : 0);
    report_finished(client);
}

static void socket_ready(int fd, int events, void *arg)
{
    int mask = events & LOOP_READABLE ? CURL_CSELECT_IN : 0;
    mask |= events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0;
    act(arg, fd, mask);
}

static void time_is_up(void *arg)
{
    ((struct http_client *)arg)->is_timer_due = false;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

// A request that begins must not put off those that began in the turn before.
static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_client *client = arg;
    if (timeout_ms < 0) {
        loop_timer_stop(client->timer);
    } else if (timeout_ms > 0 || !client->is_timer_due) {
        loop_timer_start(client->timer, (uint64_t)timeout_ms);
    }
    client->is_timer_due = timeout_ms == 0;
    return 0;
}

static curl_socket_t open_connection(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct http_client *client = arg;
    int fd =
        http_sockets_new(client->sockets, address->family, address->socktype, address->protocol);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

// The transfer that waits for a socket which the kernel refuses to watch would wait for ever.
static void give_up(struct http_client *client, struct exchange *exchange)
{
    if (exchange) {
        exchange->is_unwatched = true;
        client->has_unwatched = true;
        loop_timer_start(client->begin_timer, 0);
    }
}

static void socket_is_gone(struct http_client *client, struct exchange *exchange, int fd)
{
    http_sockets_forget(client->sockets, fd);
    if (!exchange) {
        return;
    }
    if (exchange->is_answered) {
        http_sockets_may_linger(fd, true); // idle from now on: its end may be a polite one
    } else if (!exchange->was_allowed) {
        exchange->is_stranded = client->has_stranded = true;
        loop_timer_start(client->begin_timer, 0);
    }
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    (void)of_socket;
    struct http_client *client = arg;
    struct exchange *exchange = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&exchange);
    if (what == CURL_POLL_REMOVE) {
        socket_is_gone(client, exchange, fd);
        return 0;
    }
    if (exchange) {
        exchange->is_stranded = false;
    }
    if (!http_sockets_is_watched(client->sockets, fd)) {
        http_sockets_may_linger(fd, false); // a request goes out on it
    }
    if (!http_sockets_watch(client->sockets, fd,
                            (what & CURL_POLL_IN ? LOOP_READABLE : 0) |
                                (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0))) {
        give_up(client, exchange);
    }
    return 0;
}

// --- requests ---------------------------------------------------------------------------------

static CURL *new_easy(struct http_client *client)
{
    CURL *easy = curl_easy_init();
    assert(easy);
    http_client_set_options(easy, &client->settings);
    SET(easy, CURLOPT_PREREQFUNCTION, may_be_sent);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_connection);
    SET(easy, CURLOPT_OPENSOCKETDATA, client);
    SET(easy, CURLOPT_WRITEFUNCTION, take_answer);
    SET(easy, CURLOPT_HEADERFUNCTION, take_header);
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
        bytes_init(&exchange->location, LOCATION_BYTES_MAX);
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
    http_client_trust_leave(exchange->trust);
    bytes_release(&exchange->answer);
    bytes_release(&exchange->retry_after);
    bytes_release(&exchange->location);
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
    // The remains of a failed transfer may fail all later ones (libcurl 8.14, after a rewind).
    if (!is_sound || client->spare_count == SPARE_EASY_MAX) {
        free_exchange(exchange);
        return;
    }
    bytes_release(&exchange->answer); // a spare one holds no memory of its last answer
    bytes_init(&exchange->answer, HTTP_ANSWER_BYTES_MAX);
    bytes_clear(&exchange->retry_after);
    bytes_clear(&exchange->location);
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
    exchange->has_begun = exchange->is_unwatched = exchange->is_answered = false;
    exchange->is_stranded = false;
    exchange->error[0] = '\0';
    exchange->headers = curl_slist_append(NULL, "Expect:"); // no pause before the body
    for (const char *const *header = post->headers; header && *header; header++) {
        exchange->headers = curl_slist_append(exchange->headers, *header);
    }
    assert(exchange->headers);
    SET(exchange->easy, CURLOPT_HTTPHEADER, exchange->headers);
    http_client_set_request(exchange->easy, post, exchange->body);
    exchange->timeout_us = post->timeout_ms * US_PER_MS;
    http_queue_add(&client->queue, &exchange->queued,
                   !strncmp(post->url, "https:", strlen("https:")));
    loop_timer_start(client->begin_timer, 0);
}

static void answer(struct exchange *exchange, CURLcode code)
{
    long status = 0;
    if (exchange->has_begun) { // else it is that of the handle's transfer before
        curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    }
    struct http_answer answer = {
        .status = (unsigned)status,
        .body = bytes_view(&exchange->answer),
        .body_is_cut = exchange->is_cut || (code != CURLE_OK && exchange->answer.len > 0),
        .retry_after = bytes_view(&exchange->retry_after),
        .location = bytes_view(&exchange->location),
        .latency_us = loop_now_us() - exchange->begun_us,
    };
    if (status >= 200) {
        answer.outcome = HTTP_ANSWERED; // an error after the status line changes nothing
    } else {
        answer.outcome = exchange->was_allowed ? HTTP_UNKNOWN : HTTP_NOT_SENT;
        answer.status = 0;
    }
    answer.came_too_late = exchange->was_forbidden;
    if (exchange->was_forbidden) {
        answer.error = "the connection came too late to send the request";
    } else if (code != CURLE_OK) {
        answer.error = exchange->error[0] ? exchange->error : curl_easy_strerror(code);
    }
    exchange->on_answer(&answer, exchange->arg);
}

static void end_exchange(struct exchange *exchange, CURLcode code)
{
    set_connected(exchange);
    if (exchange->has_begun) {
        curl_multi_remove_handle(exchange->client->multi, exchange->easy);
    }
    answer(exchange, code);
    give_back(exchange, code == CURLE_OK);
}

static void end_unwatched(struct http_client *client)
{
    struct exchange *next = client->has_unwatched ? client->out : NULL;
    client->has_unwatched = false;
    for (struct exchange *exchange = next; exchange; exchange = next) {
        next = exchange->next;
        if (exchange->is_unwatched) {
            snprintf(exchange->error, sizeof exchange->error, "its socket cannot be watched");
            end_exchange(exchange, CURLE_ABORTED_BY_CALLBACK);
        }
    }
}

// Pausing and continuing is the documented way to make one transfer run at once.
static void run_stranded(struct http_client *client)
{
    struct exchange *first = client->has_stranded ? client->out : NULL;
    client->has_stranded = false;
    for (struct exchange *exchange = first; exchange; exchange = exchange->next) {
        if (exchange->is_stranded && exchange->has_begun) {
            exchange->is_stranded = false;
            curl_easy_pause(exchange->easy, CURLPAUSE_ALL);
            curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
        }
    }
}

static void begin(struct exchange *exchange)
{
    http_client_trust_begin(exchange->client->trust, exchange->easy, &exchange->trust);
    uint64_t waited_us = loop_now_us() - exchange->begun_us;
    uint64_t left_us = exchange->timeout_us > waited_us ? exchange->timeout_us - waited_us : 0;
    SET(exchange->easy, CURLOPT_TIMEOUT_MS, (long)(left_us / US_PER_MS) + 1); // 0 would be for ever
    exchange->has_begun = true;
    CURLMcode code = curl_multi_add_handle(exchange->client->multi, exchange->easy);
    assert(code == CURLM_OK);
    (void)code;
}

static void begin_some(void *arg)
{
    struct http_client *client = arg;
    run_stranded(client);
    end_unwatched(client);
    bool are_ready = http_sockets_are_ready(client->sockets);
    struct http_queued *queued = NULL;
    unsigned left = http_queue_may_begin(&client->queue, are_ready);
    for (; left > 0 && (queued = http_queue_take(&client->queue)) != NULL; left--) {
        begin(exchange_of(queued));
    }
    if (http_queue_may_begin(&client->queue, false) > 0) {
        loop_timer_start(client->begin_timer, 0);
    }
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
        end_exchange(exchange, code);
    }
}

struct http_client *http_client_open(struct loop *loop, const struct http_client_settings *settings)
{
    struct http_client *client = memory_zeroed(sizeof *client);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->settings = *settings;
    client->trust = http_client_trust_open(settings->authorities, true);
    http_queue_init(&client->queue);
    client->timer = loop_timer_open(loop, time_is_up, client);
    client->begin_timer = loop_timer_open(loop, begin_some, client);
    client->sockets = http_sockets_open(loop, settings->unacknowledged_ms, socket_ready, client);
    assert(client->sockets);
    client->multi = http_client_new_multi(set_socket, set_timer, client, settings->connections_max);
    return client;
}

static void free_spare(struct http_client *client)
{
    while (client->spare) {
        struct exchange *exchange = client->spare;
        client->spare = exchange->next;
        client->spare_count--;
        free_exchange(exchange);
    }
}

void http_client_trust(struct http_client *client, struct http_authorities *authorities)
{
    if (authorities && !http_client_trust_is(client->trust, authorities)) {
        free_spare(client); // who own the former trust
        http_client_trust_leave(client->trust);
        client->trust = http_client_trust_open(authorities, false);
    }
}

bool http_client_is_behind(const struct http_client *client)
{
    return client->queue.tls_waiting >= HTTP_TLS_WAITING_MAX;
}

void http_client_close(struct http_client *client)
{
    while (client->out) {
        struct exchange *exchange = client->out;
        snprintf(exchange->error, sizeof exchange->error, "broken off at shutdown");
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): an exchange that has ended is in no list
        end_exchange(exchange, CURLE_ABORTED_BY_CALLBACK);
    }
    free_spare(client);
    curl_multi_cleanup(client->multi);
    http_client_trust_leave(client->trust);
    http_sockets_close(client->sockets);
    loop_timer_close(client->begin_timer);
    loop_timer_close(client->timer);
    curl_global_cleanup();
    free(client);
}
