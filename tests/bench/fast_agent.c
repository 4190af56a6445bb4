// A /start server that costs as little as one can, so that the measured program is the one that
// asks it: one epoll, no JSON, one answer for all, after a fixed latency.
//
// --tls FILE (certificate and key): it is asked over https. Prints how many connections came, and
// how many of them resumed a session of an earlier one.
//
// --times: when it ends (SIGTERM), writes a line for each request whose Idempotency-Key ends with
// the number of a call: that number, and when it came, in microseconds of the clock since boot,
// which all processes of a machine share.
#include "http_message.h"
#include "loop.h"
#include "memory.h"
#include "tls_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 4096
#define ANSWER_BYTES_MAX 512
#define EVENTS_MAX 512
#define BACKLOG 4096
#define CALLS_MAX 2000000
#define DIGITS 8 // of a call's number, behind a hyphen
#define US_PER_S 1000000
#define NS_PER_US 1000

struct connection {
    int fd;
    size_t received;
    uint64_t due_us; // of its answer; 0: none is due
    struct connection *next_due;
    bool is_gone;               // but its answer is still due
    bool is_used;               // a first byte came
    struct tls_connection *tls; // NULL: plain http
    char request[REQUEST_BYTES_MAX];
};

struct agent {
    int epoll_fd, listener, signals;
    uint64_t latency_us;
    const char *times;
    char answer[ANSWER_BYTES_MAX];
    size_t answer_len;
    struct connection *first_due, *last_due; // in order: the latency is the same for all
    uint64_t *arrived_us;                    // by the call's number
    size_t requests, connections, resumed;
    struct tls_server *tls; // NULL: plain http
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "fast-agent: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void note_arrival(struct agent *agent, const struct connection *connection, uint64_t now_us)
{
    const char *key =
        http_message_header(connection->request, connection->received, "Idempotency-Key:");
    const char *line_end = key ? strchr(key, '\r') : NULL;
    agent->requests++;
    if (line_end && line_end - key > DIGITS && line_end[-DIGITS - 1] == '-') {
        uint64_t number = strtoull(line_end - DIGITS, NULL, 10);
        if (number < CALLS_MAX && agent->arrived_us[number] == 0) {
            agent->arrived_us[number] = now_us;
        }
    }
}

static ssize_t receive(struct connection *connection)
{
    char *end = connection->request + connection->received;
    size_t room = REQUEST_BYTES_MAX - 1 - connection->received;
    if (connection->tls) {
        return tls_connection_read(connection->tls, end, room);
    }
    ssize_t got = recv(connection->fd, end, room, 0);
    return got == 0 ? -1 : got;
}

static bool send_answer(const struct agent *agent, const struct connection *connection)
{
    if (connection->tls) {
        return tls_connection_write(connection->tls, agent->answer, agent->answer_len);
    }
    return send(connection->fd, agent->answer, agent->answer_len, MSG_NOSIGNAL) ==
           (ssize_t)agent->answer_len;
}

static void hang_up(struct connection *connection)
{
    tls_connection_close(connection->tls);
    connection->tls = NULL;
    close(connection->fd);
    connection->is_gone = true;
    if (connection->due_us == 0) {
        free(connection);
    }
}

static void answer(const struct agent *agent, struct connection *connection)
{
    connection->due_us = 0;
    if (connection->is_gone) {
        free(connection);
    } else if (!send_answer(agent, connection)) {
        hang_up(connection);
    }
}

static void answer_what_is_due(struct agent *agent)
{
    uint64_t now_us = loop_now_us();
    while (agent->first_due && agent->first_due->due_us <= now_us) {
        struct connection *connection = agent->first_due;
        agent->first_due = connection->next_due;
        answer(agent, connection);
    }
}

static void answer_later(struct agent *agent, struct connection *connection, uint64_t now_us)
{
    connection->due_us = now_us + agent->latency_us;
    connection->next_due = NULL;
    *(agent->first_due ? &agent->last_due->next_due : &agent->first_due) = connection;
    agent->last_due = connection;
}

static void take_request(struct agent *agent, struct connection *connection)
{
    ssize_t got = receive(connection);
    if (got < 0) {
        hang_up(connection);
    }
    if (got <= 0) {
        return;
    }
    if (!connection->is_used) {
        connection->is_used = true;
        agent->connections++;
        agent->resumed += connection->tls && tls_connection_is_resumed(connection->tls);
    }
    connection->received += (size_t)got;
    connection->request[connection->received] = '\0';
    if (http_message_len(connection->request, connection->received) == 0) {
        return;
    }
    uint64_t now_us = loop_now_us();
    note_arrival(agent, connection, now_us);
    connection->received = 0;
    if (agent->latency_us > 0) {
        answer_later(agent, connection, now_us);
    } else {
        answer(agent, connection);
    }
}

static void take_connections(const struct agent *agent)
{
    int fd = -1, one = 1;
    while ((fd = accept4(agent->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = memory_zeroed(sizeof *connection);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = fd;
        connection->tls = agent->tls ? tls_connection_open(agent->tls, fd) : NULL;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
            epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
            fail("a new connection");
        }
    }
}

static void listen_at(struct agent *agent, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    agent->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (agent->listener < 0 ||
        setsockopt(agent->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(agent->listener, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(agent->listener, BACKLOG) < 0) {
        fail("listening");
    }
}

static void watch(const struct agent *agent, int fd, const void *which)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uintptr_t)which};
    if (epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        fail("epoll");
    }
}

static void make_answer(struct agent *agent, unsigned status)
{
    const char *body = status == 200
                           ? "{\"dailyRoom\":\"https://example.daily.co/q8cBHFrPbDCXPXqyZaoM\","
                             "\"dailyToken\":\"a-token-of-the-usual-form.which-nobody-can-use\","
                             "\"sessionId\":\"7a4b2e5c-0c6f-4b9e-9a55-1d2f3c4b5a69\"}"
                           : "{\"error\":\"The agent is full\",\"code\":\"PCC-AGENT-AT-CAPACITY\"}";
    int len = snprintf(agent->answer, sizeof agent->answer,
                       "HTTP/1.1 %u Status\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       status, strlen(body), body);
    agent->answer_len = (size_t)len;
}

static void write_times(const struct agent *agent)
{
    FILE *file = fopen(agent->times, "we");
    if (!file) {
        fail(agent->times);
    }
    for (size_t i = 0; i < CALLS_MAX; i++) {
        if (agent->arrived_us[i]) {
            fprintf(file, "%zu %" PRIu64 "\n", i, agent->arrived_us[i]);
        }
    }
    fclose(file);
}

static void run(struct agent *agent)
{
    struct epoll_event events[EVENTS_MAX];
    for (bool is_over = false; !is_over;) {
        uint64_t now_us = loop_now_us();
        uint64_t left_us = US_PER_S;
        if (agent->first_due) {
            left_us = agent->first_due->due_us > now_us ? agent->first_due->due_us - now_us : 0;
        }
        const struct timespec timeout = {.tv_sec = (time_t)(left_us / US_PER_S),
                                         .tv_nsec = (long)(left_us % US_PER_S) * NS_PER_US};
        int count = epoll_pwait2(agent->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &agent->listener) {
                take_connections(agent);
            } else if (events[i].data.ptr == &agent->signals) {
                is_over = true;
            } else {
                take_request(agent, events[i].data.ptr);
            }
        }
        answer_what_is_due(agent);
    }
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"port", required_argument, NULL, 'p'},   {"latency-ms", required_argument, NULL, 'l'},
        {"status", required_argument, NULL, 's'}, {"times", required_argument, NULL, 'o'},
        {"tls", required_argument, NULL, 't'},    {0}};
    struct agent agent = {0};
    unsigned status = 200;
    uint16_t port = 0;
    sigset_t ending;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        if (option == 'p') {
            port = (uint16_t)strtoul(optarg, NULL, 10);
        } else if (option == 'l') {
            agent.latency_us = strtoull(optarg, NULL, 10) * 1000;
        } else if (option == 's') {
            status = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'o') {
            agent.times = optarg;
        } else if (option == 't') {
            agent.tls = tls_server_open(optarg);
            if (!agent.tls) {
                return 1;
            }
        } else {
            return 2;
        }
    }
    signal(SIGPIPE, SIG_IGN); // OpenSSL writes to those who have gone
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    agent.signals = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
    agent.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    agent.arrived_us = memory_zeroed(CALLS_MAX * sizeof *agent.arrived_us);
    make_answer(&agent, status);
    listen_at(&agent, port);
    watch(&agent, agent.listener, &agent.listener);
    watch(&agent, agent.signals, &agent.signals);
    run(&agent);
    if (agent.times) {
        write_times(&agent);
    }
    printf("{\"requests\":%zu,\"connections\":%zu,\"resumed\":%zu}\n", agent.requests,
           agent.connections, agent.resumed);
    tls_server_close(agent.tls);
    free(agent.arrived_us);
    return 0;
}
