// See redis_link.h. Of hiredis only the parser of replies is used: its connections differ between
// versions (Debian 12's have no TLS and no timeouts), free themselves, and tell it in several ways.
#include "redis_link.h"

#include "memory.h"
#include "redis_limit.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES (16 * 1024) // at once
#define READS_MAX 16           // in one turn of the loop; TLS: while something is decrypted already
#define SPARE_BYTES_MAX (1024 * 1024) // of the send buffer, when it is empty

enum state { CONNECTING, SHAKING_HANDS, OPEN, BROKEN };

struct redis_link {
    struct redis_link_events events;
    void *arg;
    enum state state;
    struct redis_target target;
    int fd;
    struct loop_watch *watch;
    int watching;
    struct loop_timer *deadline; // of connecting and of the handshake; and tells of early failures
    struct redis_tls_connection *tls;
    redisReader *reader;
    struct redis_limit limit;
    size_t in_flight; // commands without a reply
    struct bytes out;
    size_t sent; // of `out`
    bool is_in_callback, is_closed, reply_is_kept;
    char problem[REDIS_TLS_PROBLEM_BYTES + REDIS_TARGET_TEXT_BYTES + 64];
};

void redis_target_print(const struct redis_target *target, char text[REDIS_TARGET_TEXT_BYTES])
{
    bool is_ip6 = target->port > 0 && strchr(target->address, ':');
    if (target->port == 0) {
        snprintf(text, REDIS_TARGET_TEXT_BYTES, "%s", target->address);
    } else {
        snprintf(text, REDIS_TARGET_TEXT_BYTES, is_ip6 ? "[%s]:%u" : "%s:%u", target->address,
                 (unsigned)target->port);
    }
}

// --- the end ------------------------------------------------------------------------------------

static void release(struct redis_link *link)
{
    loop_watch_close(link->watch);
    loop_timer_close(link->deadline);
    redis_tls_disconnect(link->tls);
    if (link->fd >= 0) {
        close(link->fd);
    }
    redisReaderFree(link->reader);
    bytes_release(&link->out);
    free(link);
}

// Nothing may be done with the link after the last of its callbacks: it may be closed by then.
static void broke(struct redis_link *link, const char *problem)
{
    char target[REDIS_TARGET_TEXT_BYTES];
    if (link->state == BROKEN || link->is_closed) {
        return;
    }
    link->state = BROKEN;
    loop_timer_stop(link->deadline);
    if (link->watch) {
        loop_watch_set(link->watch, 0);
    }
    redis_target_print(&link->target, target);
    snprintf(link->problem, sizeof link->problem, "%.*s (%s)", REDIS_TLS_PROBLEM_BYTES, problem,
             target);
    link->events.on_broken(link->problem, link->arg);
}

void redis_link_close(struct redis_link *link)
{
    if (link && link->is_in_callback) {
        link->is_closed = true; // released by `leave`
    } else if (link) {
        release(link);
    }
}

static void enter(struct redis_link *link)
{
    link->is_in_callback = true;
}

static void leave(struct redis_link *link)
{
    link->is_in_callback = false;
    if (link->is_closed) {
        release(link);
    }
}

// --- sending ------------------------------------------------------------------------------------

static void watch_for(struct redis_link *link, int events)
{
    if (link->watch && link->watching != events) {
        link->watching = events;
        loop_watch_set(link->watch, events);
    }
}

static ssize_t write_some(struct redis_link *link)
{
    const char *data = link->out.data + link->sent;
    size_t len = link->out.len - link->sent;
    return link->tls ? redis_tls_write(link->tls, data, len) : write(link->fd, data, len);
}

static const char *problem_of(const struct redis_link *link)
{
    return link->tls && errno == EPROTO ? redis_tls_problem(link->tls) : strerror(errno);
}

static void send_out(struct redis_link *link)
{
    while (link->sent < link->out.len) {
        ssize_t len = write_some(link);
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && errno != EAGAIN) {
            broke(link, problem_of(link));
            return;
        }
        if (len < 0) {
            break;
        }
        link->sent += (size_t)len;
    }
    bool is_all = link->sent == link->out.len;
    if (is_all && link->out.capacity > SPARE_BYTES_MAX) {
        bytes_release(&link->out);
        bytes_init(&link->out, REDIS_LINK_BYTES_MAX);
    } else if (is_all) {
        bytes_clear(&link->out);
    } else if (link->sent > link->out.len / 2) {
        memmove(link->out.data, link->out.data + link->sent, link->out.len - link->sent);
        link->out.len -= link->sent;
        link->sent = 0;
    }
    link->sent = is_all ? 0 : link->sent;
    watch_for(link, is_all ? LOOP_READABLE : LOOP_READABLE | LOOP_WRITABLE);
}

bool redis_link_send(struct redis_link *link, struct bytes_view bytes)
{
    if (!redis_link_is_open(link) || !bytes_append_view(&link->out, bytes)) {
        return false;
    }
    link->in_flight++;
    watch_for(link, LOOP_READABLE | LOOP_WRITABLE); // written when the loop comes round
    return true;
}

bool redis_link_is_open(const struct redis_link *link)
{
    return link->state == OPEN && !link->is_closed;
}

// --- receiving ----------------------------------------------------------------------------------

void redis_link_keep_reply(struct redis_link *link)
{
    link->reply_is_kept = true;
}

// An error that nobody asked for is the server's last word: "max number of clients reached".
static void take_reply(struct redis_link *link, redisReply *reply)
{
    if (link->in_flight == 0) {
        broke(link, reply->type == REDIS_REPLY_ERROR ? reply->str : link->limit.problem);
        freeReplyObject(reply);
        return;
    }
    link->in_flight--;
    redis_limit_next(&link->limit);
    link->reply_is_kept = false;
    link->events.on_reply(reply, link->arg);
    if (!link->reply_is_kept) {
        freeReplyObject(reply);
    }
}

// Hands out every reply that is complete; false once the link cannot be used.
static bool take_replies(struct redis_link *link)
{
    void *reply = NULL;
    do {
        reply = NULL;
        if (redisReaderGetReply(link->reader, &reply) != REDIS_OK) {
            broke(link, link->limit.problem ? link->limit.problem : link->reader->errstr);
        } else if (reply) {
            take_reply(link, reply);
        }
    } while (reply && redis_link_is_open(link));
    if (redis_link_is_open(link) && redis_limit_is_passed(&link->limit, link->reader)) {
        broke(link, link->limit.problem);
    }
    return redis_link_is_open(link);
}

static ssize_t read_some(struct redis_link *link, char *out, size_t size)
{
    ssize_t len = 0;
    do {
        len = link->tls ? redis_tls_read(link->tls, out, size) : read(link->fd, out, size);
    } while (len < 0 && errno == EINTR);
    return len;
}

static void receive(struct redis_link *link)
{
    char data[READ_BYTES];
    for (unsigned i = 0; i < READS_MAX || link->tls; i++) {
        ssize_t len = read_some(link, data, sizeof data);
        if (len < 0 && errno == EAGAIN) {
            return;
        }
        if (len <= 0) {
            broke(link, len < 0 ? problem_of(link) : "the server closed the connection");
            return;
        }
        if (redisReaderFeed(link->reader, data, (size_t)len) != REDIS_OK) {
            broke(link, link->reader->errstr);
            return;
        }
        if (!take_replies(link) || (!link->tls && (size_t)len < sizeof data)) {
            return;
        }
    }
}

// --- connecting ---------------------------------------------------------------------------------

static void opened(struct redis_link *link)
{
    link->state = OPEN;
    loop_timer_stop(link->deadline);
    watch_for(link, LOOP_READABLE);
    link->events.on_open(link->arg);
}

static void shake_hands(struct redis_link *link)
{
    switch (redis_tls_handshake(link->tls)) {
    case REDIS_TLS_DONE:
        opened(link);
        break;
    case REDIS_TLS_WANTS_READ:
        watch_for(link, LOOP_READABLE);
        break;
    case REDIS_TLS_WANTS_WRITE:
        watch_for(link, LOOP_WRITABLE);
        break;
    case REDIS_TLS_FAILED:
        broke(link, redis_tls_problem(link->tls));
        break;
    }
}

static void connected(struct redis_link *link)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
        broke(link, strerror(error ? error : errno));
    } else if (link->tls) {
        link->state = SHAKING_HANDS;
        loop_timer_start(link->deadline, REDIS_LINK_TLS_MS);
        shake_hands(link);
    } else {
        opened(link);
    }
}

static void socket_ready(int events, void *arg)
{
    struct redis_link *link = arg;
    enter(link);
    switch (link->state) {
    case CONNECTING:
        connected(link);
        break;
    case SHAKING_HANDS:
        shake_hands(link);
        break;
    case OPEN:
        if (events & LOOP_READABLE) {
            receive(link);
        }
        if (redis_link_is_open(link) && link->sent < link->out.len) {
            send_out(link);
        }
        break;
    case BROKEN:
        break;
    }
    leave(link);
}

// This timer also reports an immediate failure, as no callback may come from redis_link_open.
static void too_late(void *arg)
{
    struct redis_link *link = arg;
    enter(link);
    if (link->problem[0]) {
        char problem[REDIS_TLS_PROBLEM_BYTES];
        snprintf(problem, sizeof problem, "%.*s", (int)sizeof problem - 1, link->problem);
        broke(link, problem);
    } else {
        broke(link, link->state == SHAKING_HANDS
                        ? "no TLS handshake within the deadline: does this port speak TLS?"
                        : "no connection within the deadline");
    }
    leave(link);
}

static socklen_t address_of(const struct redis_target *target, struct sockaddr_storage *out)
{
    struct sockaddr_in *ip4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)(void *)out;
    struct sockaddr_un *path = (struct sockaddr_un *)(void *)out;
    memset(out, 0, sizeof *out);
    if (target->port == 0) {
        path->sun_family = AF_UNIX;
        size_t len = strlen(target->address);
        if (len >= sizeof path->sun_path) {
            return 0;
        }
        memcpy(path->sun_path, target->address, len);
        return sizeof *path;
    }
    if (inet_pton(AF_INET, target->address, &ip4->sin_addr) == 1) {
        ip4->sin_family = AF_INET;
        ip4->sin_port = htons(target->port);
        return sizeof *ip4;
    }
    ip6->sin6_family = AF_INET6;
    ip6->sin6_port = htons(target->port);
    return inet_pton(AF_INET6, target->address, &ip6->sin6_addr) == 1 ? sizeof *ip6 : 0;
}

// False with `problem`.
static bool begin(struct redis_link *link, struct loop *loop)
{
    struct sockaddr_storage address;
    const int on = 1;
    socklen_t len = address_of(&link->target, &address);
    if (len == 0) {
        snprintf(link->problem, sizeof link->problem, "the address cannot be used");
        return false;
    }
    link->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd >= 0 && link->target.port > 0) {
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    if (link->fd < 0 ||
        (connect(link->fd, (const struct sockaddr *)&address, len) && errno != EINPROGRESS)) {
        snprintf(link->problem, sizeof link->problem, "%s", strerror(errno));
        return false;
    }
    link->watch = loop_watch_open(loop, link->fd, socket_ready, link);
    watch_for(link, LOOP_WRITABLE);
    return true;
}

struct redis_link *redis_link_open(struct loop *loop, const struct redis_target *target,
                                   struct redis_tls *tls, const struct redis_link_events *events,
                                   void *arg)
{
    struct redis_link *link = memory_zeroed(sizeof *link);
    link->events = *events;
    link->arg = arg;
    link->target = *target;
    link->fd = -1;
    bytes_init(&link->out, REDIS_LINK_BYTES_MAX);
    link->reader = redisReaderCreate();
    if (!link->reader) {
        abort(); // out of memory
    }
    redis_limit_watch(&link->limit, link->reader, &link->in_flight);
    link->deadline = loop_timer_open(loop, too_late, link);
    bool has_begun = begin(link, loop);
    link->tls = has_begun && tls ? redis_tls_connect(tls, link->fd, target->name) : NULL;
    loop_timer_start(link->deadline, has_begun ? REDIS_LINK_CONNECT_MS : 0);
    return link;
}
