// See http_tls_front.h. A link is a client's socket, its TLS, and our end of the pair. What one
// side does not take yet is kept (at most a block in each direction), and the other side is not
// read meanwhile, so a slow reader is slowed down, and never fills memory.
//
// Surprising: OpenSSL may hold decrypted bytes that no descriptor reports. So a link is read until
// OpenSSL wants more from the socket; after ROUNDS_MAX blocks it waits for its next turn, for which
// the pair's end is watched for writing, which is ready at once.
#include "http_tls_front.h"

#include "http_client_sockets.h"
#include "log.h"
#include "memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 16384 // a record of TLS
#define ROUNDS_MAX 8
#define ACCEPTS_MAX 10 // in one turn
#define TICK_MS 250
#define NUMBERS_AT_FIRST 256
#define COMPLAIN_EVERY_MS 10000

enum link_state {
    LINK_HANDSHAKE,
    LINK_OPEN,
    LINK_ENDING, // our last byte has left: the client's are thrown away until its end
};

struct link {
    struct link *next, *previous;
    SSL *ssl;
    int client_fd, plain_fd; // plain_fd is -1 during the handshake
    enum link_state state;
    bool client_has_ended, plain_has_ended;
    uint64_t since_ms; // of its state; or since when the client takes nothing
    struct bytes to_client, to_plain;
    size_t sent; // of to_client
    socklen_t peer_len;
    struct sockaddr_storage peer;
};

struct http_tls_front {
    struct http_sockets *sockets;
    struct loop_timer *tick;
    const struct http_tls *tls;
    http_tls_on_connection *on_connection;
    void *arg;
    int listening_fd;          // -1: stopped
    struct link *first, *last; // the oldest first
    unsigned handshakes, handshakes_max;
    struct link **by_fd;
    size_t numbers; // elements of by_fd
    uint64_t complained_ms;
};

// --- links --------------------------------------------------------------------------------------

static void set_link(struct http_tls_front *front, int fd, struct link *link)
{
    if ((size_t)fd >= front->numbers) {
        size_t numbers = (size_t)fd * 2 + NUMBERS_AT_FIRST;
        front->by_fd = memory_resized(front->by_fd, numbers * sizeof(struct link *));
        memset(front->by_fd + front->numbers, 0,
               (numbers - front->numbers) * sizeof(struct link *));
        front->numbers = numbers;
    }
    front->by_fd[fd] = link;
}

static void close_fd(struct http_tls_front *front, int fd)
{
    http_sockets_forget(front->sockets, fd);
    set_link(front, fd, NULL);
    close(fd);
}

static void end(struct http_tls_front *front, struct link *link)
{
    *(link->previous ? &link->previous->next : &front->first) = link->next;
    *(link->next ? &link->next->previous : &front->last) = link->previous;
    front->handshakes -= link->state == LINK_HANDSHAKE;
    SSL_free(link->ssl);
    close_fd(front, link->client_fd);
    if (link->plain_fd >= 0) {
        close_fd(front, link->plain_fd);
    }
    bytes_release(&link->to_client);
    bytes_release(&link->to_plain);
    free(link);
}

static bool watch(struct http_tls_front *front, int fd, int events)
{
    if (events == 0) {
        http_sockets_forget(front->sockets, fd);
        return true;
    }
    return http_sockets_watch(front->sockets, fd, events);
}

// --- the bytes ----------------------------------------------------------------------------------

// What a call of OpenSSL returned: bytes, 0 for "later" (`wants` gets the event), -1 for the end.
static int outcome(struct link *link, int result, int *wants)
{
    int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(link->ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        *wants |= error == SSL_ERROR_WANT_WRITE ? LOOP_WRITABLE : LOOP_READABLE;
        return 0;
    }
    return error == SSL_ERROR_NONE ? result : -1;
}

// Returns false if the other end is gone.
static bool send_plain(struct link *link, const char *data, size_t len)
{
    ssize_t sent = len > 0 ? send(link->plain_fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        return false;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    return done == len || bytes_append(&link->to_plain, data + done, len - done);
}

static bool flush_plain(struct link *link)
{
    struct bytes kept = link->to_plain;
    bytes_init(&link->to_plain, BLOCK_BYTES);
    bool is_there = send_plain(link, kept.data, kept.len);
    bytes_release(&kept);
    return is_there;
}

// From the client to the server. Returns false if the link is broken; `more`: another round is due.
static bool read_client(struct link *link, int *wants, bool *more)
{
    char block[BLOCK_BYTES];
    if (link->to_plain.len > 0 && !flush_plain(link)) {
        return false;
    }
    if (link->to_plain.len > 0 || link->client_has_ended) {
        return true;
    }
    int len = outcome(link, SSL_read(link->ssl, block, sizeof block), wants);
    if (len < 0) {
        link->client_has_ended = true;
        shutdown(link->plain_fd, SHUT_WR);
        return true;
    }
    *more |= len > 0;
    return send_plain(link, block, (size_t)len);
}

// From the server to the client.
static bool write_client(struct link *link, int *wants, bool *more)
{
    if (link->to_client.len == 0 && !link->plain_has_ended) {
        char block[BLOCK_BYTES];
        ssize_t len = recv(link->plain_fd, block, sizeof block, MSG_DONTWAIT);
        if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
            link->plain_has_ended = true;
        } else if (len > 0) {
            bytes_append(&link->to_client, block, (size_t)len);
            link->since_ms = loop_now_ms();
        }
    }
    if (link->to_client.len == 0) {
        return true;
    }
    int sent = outcome(link,
                       SSL_write(link->ssl, link->to_client.data + link->sent,
                                 (int)(link->to_client.len - link->sent)),
                       wants);
    if (sent > 0) {
        link->sent += (size_t)sent;
        if (link->sent == link->to_client.len) {
            bytes_clear(&link->to_client);
            link->sent = 0;
        }
        link->since_ms = loop_now_ms();
        *more = true;
    }
    return sent >= 0;
}

// The server has closed and the client has everything: says goodbye.
static void begin_ending(struct http_tls_front *front, struct link *link)
{
    SSL_shutdown(link->ssl);
    ERR_clear_error();
    shutdown(link->client_fd, SHUT_WR);
    close_fd(front, link->plain_fd);
    link->plain_fd = -1;
    link->state = LINK_ENDING;
    link->since_ms = loop_now_ms();
    watch(front, link->client_fd, LOOP_READABLE);
}

static void pump(struct http_tls_front *front, struct link *link)
{
    int wants = 0;
    bool more = true;
    for (int round = 0; more && round < ROUNDS_MAX; round++) {
        more = false;
        wants = 0;
        if (!read_client(link, &wants, &more) || !write_client(link, &wants, &more)) {
            end(front, link);
            return;
        }
    }
    bool has_output = link->to_client.len > 0;
    if (link->plain_has_ended && !has_output) {
        begin_ending(front, link);
        return;
    }
    int client = wants & LOOP_WRITABLE;
    client |= link->to_plain.len == 0 && !link->client_has_ended ? LOOP_READABLE : 0;
    int plain = has_output || link->plain_has_ended ? 0 : LOOP_READABLE;
    plain |= link->to_plain.len > 0 || more ? LOOP_WRITABLE : 0;
    if (!watch(front, link->client_fd, client) || !watch(front, link->plain_fd, plain)) {
        end(front, link);
    }
}

static void discard(struct http_tls_front *front, struct link *link)
{
    char block[BLOCK_BYTES];
    ssize_t len = recv(link->client_fd, block, sizeof block, MSG_DONTWAIT);
    if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
        end(front, link);
    }
}

// --- handshakes ---------------------------------------------------------------------------------

static void hand_over(struct http_tls_front *front, struct link *link)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        end(front, link);
        return;
    }
    link->state = LINK_OPEN;
    link->since_ms = loop_now_ms();
    link->plain_fd = pair[1];
    front->handshakes--;
    set_link(front, pair[1], link);
    front->on_connection(pair[0], (const struct sockaddr *)&link->peer, link->peer_len, front->arg);
    pump(front, link);
}

static void shake_hands(struct http_tls_front *front, struct link *link)
{
    int wants = 0;
    int result = outcome(link, SSL_do_handshake(link->ssl), &wants);
    if (result > 0) {
        hand_over(front, link);
    } else if (result < 0 || !watch(front, link->client_fd, wants)) {
        end(front, link);
    }
}

static void drop_oldest_handshake(struct http_tls_front *front)
{
    for (struct link *link = front->first; link; link = link->next) {
        if (link->state == LINK_HANDSHAKE) {
            end(front, link);
            return;
        }
    }
}

static void add(struct http_tls_front *front, int fd, const struct sockaddr_storage *peer,
                socklen_t len)
{
    const int yes = 1;
    SSL *ssl = http_tls_accept(front->tls, fd);
    if (!ssl) {
        close(fd);
        return;
    }
    if (front->handshakes >= front->handshakes_max) {
        drop_oldest_handshake(front);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct link *link = memory_zeroed(sizeof *link);
    *link = (struct link){.ssl = ssl, .client_fd = fd, .plain_fd = -1, .previous = front->last};
    link->since_ms = loop_now_ms();
    link->peer = *peer;
    link->peer_len = len;
    bytes_init(&link->to_client, BLOCK_BYTES);
    bytes_init(&link->to_plain, BLOCK_BYTES);
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a link that has ended is in no list
    *(front->last ? &front->last->next : &front->first) = link;
    front->last = link;
    front->handshakes++;
    set_link(front, fd, link);
    if (!watch(front, fd, LOOP_READABLE)) {
        end(front, link);
    }
}

// Returns false if nobody waits, or no descriptor is left.
static bool accept_one(struct http_tls_front *front)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int fd =
        accept4(front->listening_fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        add(front, fd, &peer, len);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        watch(front, front->listening_fd, 0); // until the next tick
        if (loop_now_ms() - front->complained_ms > COMPLAIN_EVERY_MS) {
            front->complained_ms = loop_now_ms();
            log_error("out of file descriptors; new connections wait in the accept queue");
        }
    }
    return fd >= 0;
}

// --- the loop -----------------------------------------------------------------------------------

static void on_socket(int fd, int events, void *arg)
{
    (void)events;
    struct http_tls_front *front = arg;
    struct link *link = (size_t)fd < front->numbers ? front->by_fd[fd] : NULL;
    if (fd == front->listening_fd) {
        for (int i = 0; i < ACCEPTS_MAX && accept_one(front); i++) {
        }
    } else if (!link) {
        http_sockets_forget(front->sockets, fd);
    } else if (link->state == LINK_HANDSHAKE) {
        shake_hands(front, link);
    } else if (link->state == LINK_OPEN) {
        pump(front, link);
    } else {
        discard(front, link);
    }
}

static bool is_late(const struct link *link, uint64_t now_ms)
{
    static const uint64_t MS[] = {[LINK_HANDSHAKE] = HTTP_TLS_HANDSHAKE_MS,
                                  [LINK_OPEN] = HTTP_TLS_UNREAD_MS,
                                  [LINK_ENDING] = HTTP_TLS_LINGER_MS};
    bool has_deadline = link->state != LINK_OPEN || link->to_client.len > 0;
    return has_deadline && now_ms - link->since_ms > MS[link->state];
}

static void on_tick(void *arg)
{
    struct http_tls_front *front = arg;
    uint64_t now_ms = loop_now_ms();
    for (struct link *link = front->first, *next = NULL; link; link = next) {
        next = link->next;
        if (is_late(link, now_ms)) {
            end(front, link);
        }
    }
    if (front->listening_fd >= 0 && !http_sockets_is_watched(front->sockets, front->listening_fd)) {
        watch(front, front->listening_fd, LOOP_READABLE);
    }
    loop_timer_start(front->tick, TICK_MS);
}

struct http_tls_front *http_tls_front_open(struct loop *loop, int listening_fd,
                                           const struct http_tls *tls, unsigned handshakes_max,
                                           http_tls_on_connection *on_connection, void *arg)
{
    struct http_tls_front *front = memory_zeroed(sizeof *front);
    *front = (struct http_tls_front){.tls = tls,
                                     .listening_fd = listening_fd,
                                     .handshakes_max = handshakes_max,
                                     .on_connection = on_connection,
                                     .arg = arg};
    front->sockets = http_sockets_open(loop, 0, on_socket, front);
    if (!front->sockets) {
        close(listening_fd);
        free(front);
        return NULL;
    }
    front->tick = loop_timer_open(loop, on_tick, front);
    on_tick(front);
    return front;
}

void http_tls_front_use(struct http_tls_front *front, const struct http_tls *tls)
{
    front->tls = tls;
}

void http_tls_front_stop(struct http_tls_front *front)
{
    if (front->listening_fd < 0) {
        return;
    }
    while (accept_one(front)) {
    }
    http_sockets_forget(front->sockets, front->listening_fd);
    close(front->listening_fd);
    front->listening_fd = -1;
}

bool http_tls_front_is_idle(const struct http_tls_front *front)
{
    for (const struct link *link = front->first; link; link = link->next) {
        if (link->state == LINK_HANDSHAKE || link->to_client.len > 0) {
            return false;
        }
    }
    return true;
}

void http_tls_front_close(struct http_tls_front *front)
{
    if (!front) {
        return;
    }
    while (front->first) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a link that has ended is in no list
        end(front, front->first);
    }
    if (front->listening_fd >= 0) {
        http_sockets_forget(front->sockets, front->listening_fd);
        close(front->listening_fd);
    }
    loop_timer_close(front->tick);
    http_sockets_close(front->sockets);
    free(front->by_fd);
    free(front);
}
