// Sends webhooks as fast as a server takes them, or at a fixed rate, and costs little: every
// request is made and signed before the first one leaves, the connections stay open, one epoll
// serves them.
//
// Without --rate each connection sends its next webhook when the last one is answered. With --rate
// a webhook is due at its time whatever the server does, and its latency counts from then on: a
// server that stalls cannot hide it by slowing the caller down.
//
// With --events it sends Daily's events instead, of rooms that no call has.
//
// Prints one JSON object. --times writes a line for each webhook: its number, and in microseconds
// of the clock since boot, which all processes of a machine share, when it was sent and answered.
#include "bytes.h"
#include "http_message.h"
#include "loop.h"
#include "memory.h"
#include "signature.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 1024
#define ANSWER_BYTES_MAX 2048
#define EVENTS_MAX 256
#define PATIENCE_S 5 // for the last answers
#define US_PER_S 1000000
#define MS_PER_S 1000
#define NS_PER_US 1000

struct webhook {
    char *request;
    size_t len;
    uint64_t due_us, sent_us, answered_us; // answered_us 0: not, or not with 200
};

struct connection {
    int fd;
    struct webhook *out; // NULL: it is free
    size_t received;
    struct connection *next_free;
    char answer[ANSWER_BYTES_MAX];
};

struct caller {
    uint16_t port;
    size_t connection_count, count;
    uint64_t first; // number of the first webhook
    double rate, seconds, patience_s;
    const char *tag, *times, *secret;
    bool sends_events;
    int epoll_fd;
    struct connection *connections, *free;
    struct webhook *webhooks;
    size_t sent, answered, refused;
    uint64_t begun_us, last_us;
};

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "fast-caller: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
    exit(1);
}

// --- before ------------------------------------------------------------------------------------

// Where a request goes, and the headers that sign it.
struct door {
    const char *path, *scheme;
};

static int write_call(const struct caller *caller, uint64_t number, char body[REQUEST_BYTES_MAX])
{
    return snprintf(body, REQUEST_BYTES_MAX,
                    "{\"To\":\"+14152251493\",\"From\":\"+1415%07" PRIu64
                    "\",\"callId\":\"%s-%08" PRIu64
                    "\",\"callDomain\":\"5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f\"}",
                    number % 10000000, caller->tag, number);
}

static int write_event(const struct caller *caller, uint64_t number, char body[REQUEST_BYTES_MAX])
{
    uint64_t now_s = loop_wall_ms() / MS_PER_S;
    return snprintf(body, REQUEST_BYTES_MAX,
                    "{\"version\":\"1.0.0\",\"type\":\"dialin.%s\",\"id\":\"%s-event-%08" PRIu64
                    "\",\"payload\":{\"domain_id\":\"04b89420-cf8b-4ea5-a428-02c40b0e2a59\","
                    "\"room\":\"%s-room-%08" PRIu64 "\",\"timestamp\":\"%" PRIu64
                    "\",\"session_id\":\"5d1a6fb3-1a4a-4c61-b5b9-8d0e4e5b9c1f\","
                    "\"sip_from\":\"sip:+14158483432@sip.example\",\"sip_headers\":{},"
                    "\"display_name\":\"+14158483432\"},\"event_ts\":%" PRIu64 ".5}",
                    number % 2 ? "stopped" : "connected", caller->tag, number, caller->tag,
                    number / 2, now_s, now_s);
}

static void make_webhook(const struct caller *caller, size_t index)
{
    static const struct door CALLS = {"/api/dial", "Pinless"};
    static const struct door EVENTS = {"/api/daily-events", "Webhook"};
    char body[REQUEST_BYTES_MAX], request[2 * REQUEST_BYTES_MAX], timestamp[24];
    char signature[SIGNATURE_TEXT_BYTES + 1];
    const struct door *door = caller->sends_events ? &EVENTS : &CALLS;
    uint64_t number = caller->first + index;
    struct webhook *webhook = &caller->webhooks[index];
    int body_len =
        caller->sends_events ? write_event(caller, number, body) : write_call(caller, number, body);
    snprintf(timestamp, sizeof timestamp, "%" PRIu64, loop_wall_ms());
    if (!signature_sign(caller->secret, view_of_text(timestamp),
                        (struct bytes_view){body, (size_t)body_len}, signature)) {
        fail("BENCH_SECRET");
    }
    int len =
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 "Content-Type: application/json\r\nX-%s-Timestamp: %s\r\n"
                 "X-%s-Signature: %s\r\nContent-Length: %d\r\n\r\n%s",
                 door->path, door->scheme, timestamp, door->scheme, signature, body_len, body);
    webhook->request = memory_text_of(request, (size_t)len);
    webhook->len = (size_t)len;
}

static void connect_one(struct caller *caller, struct connection *connection)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(caller->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        epoll_ctl(caller->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0) {
        fail("connecting");
    }
    connection->next_free = caller->free;
    caller->free = connection;
}

static void prepare(struct caller *caller)
{
    caller->webhooks = memory_zeroed(caller->count * sizeof *caller->webhooks);
    for (size_t i = 0; i < caller->count; i++) {
        make_webhook(caller, i);
    }
    caller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    caller->connections = memory_zeroed(caller->connection_count * sizeof *caller->connections);
    for (size_t i = 0; i < caller->connection_count; i++) {
        connect_one(caller, &caller->connections[i]);
    }
}

// --- the run -----------------------------------------------------------------------------------

static uint64_t due_us(const struct caller *caller, size_t index, uint64_t now_us)
{
    if (caller->rate <= 0) {
        return now_us;
    }
    return caller->begun_us + (uint64_t)((double)index * US_PER_S / caller->rate);
}

static bool has_more(const struct caller *caller, uint64_t now_us)
{
    bool is_over =
        caller->seconds > 0 && now_us - caller->begun_us > (uint64_t)(caller->seconds * US_PER_S);
    return caller->sent < caller->count && !is_over;
}

static void send_what_is_due(struct caller *caller)
{
    uint64_t now_us = loop_now_us();
    while (caller->free && has_more(caller, now_us) &&
           due_us(caller, caller->sent, now_us) <= now_us) {
        struct connection *connection = caller->free;
        struct webhook *webhook = &caller->webhooks[caller->sent];
        caller->free = connection->next_free;
        connection->out = webhook;
        connection->received = 0;
        webhook->due_us = due_us(caller, caller->sent, now_us);
        webhook->sent_us = loop_now_us();
        if (send(connection->fd, webhook->request, webhook->len, MSG_NOSIGNAL) !=
            (ssize_t)webhook->len) {
            fail("sending");
        }
        caller->sent++;
    }
}

static void take_answer(struct caller *caller, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->answer + connection->received,
                       ANSWER_BYTES_MAX - 1 - connection->received, 0);
    if (got <= 0 || !connection->out) {
        fail("an answer was expected");
    }
    connection->received += (size_t)got;
    connection->answer[connection->received] = '\0';
    if (http_message_len(connection->answer, connection->received) == 0) {
        return;
    }
    static const char GOOD[] = "HTTP/1.1 200";
    caller->last_us = loop_now_us();
    if (!strncmp(connection->answer, GOOD, sizeof GOOD - 1)) {
        connection->out->answered_us = caller->last_us;
        caller->answered++;
    } else {
        caller->refused++;
    }
    connection->out = NULL;
    connection->next_free = caller->free;
    caller->free = connection;
}

static void wait_for_events(struct caller *caller, uint64_t until_us)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now_us = loop_now_us();
    uint64_t left_us = until_us > now_us ? until_us - now_us : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(left_us / US_PER_S),
                                     .tv_nsec = (long)(left_us % US_PER_S) * NS_PER_US};
    int count = epoll_pwait2(caller->epoll_fd, events, EVENTS_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        take_answer(caller, events[i].data.ptr);
    }
}

static void run(struct caller *caller)
{
    uint64_t give_up_us = 0;
    caller->begun_us = caller->last_us = loop_now_us();
    while (caller->answered + caller->refused < caller->sent || has_more(caller, loop_now_us())) {
        send_what_is_due(caller);
        uint64_t now_us = loop_now_us();
        uint64_t until_us = now_us + US_PER_S;
        if (!has_more(caller, now_us)) {
            give_up_us =
                give_up_us ? give_up_us : now_us + (uint64_t)(caller->patience_s * US_PER_S);
            if (now_us > give_up_us) {
                break;
            }
        } else if (caller->free) {
            until_us = due_us(caller, caller->sent, now_us);
        }
        wait_for_events(caller, until_us);
    }
}

// --- after -------------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void report(const struct caller *caller)
{
    uint64_t *latencies_us = memory_zeroed((caller->answered + 1) * sizeof *latencies_us);
    size_t count = 0;
    for (size_t i = 0; i < caller->sent; i++) {
        const struct webhook *webhook = &caller->webhooks[i];
        if (webhook->answered_us) {
            latencies_us[count++] = webhook->answered_us - webhook->due_us;
        }
    }
    qsort(latencies_us, count, sizeof *latencies_us, compare);
    size_t last = count > 0 ? count - 1 : 0;
    double took_s = (double)(caller->last_us - caller->begun_us) / US_PER_S;
    printf("{\"sent\":%zu,\"answered\":%zu,\"refused\":%zu,\"rate\":%.1f,\"p50_us\":%" PRIu64
           ",\"p99_us\":%" PRIu64 ",\"max_us\":%" PRIu64 ",\"last_sent_us\":%" PRIu64 "}\n",
           caller->sent, caller->answered, caller->refused,
           took_s > 0 ? (double)caller->answered / took_s : 0, latencies_us[last / 2],
           latencies_us[last * 99 / 100], latencies_us[last],
           caller->sent > 0 ? caller->webhooks[caller->sent - 1].sent_us : 0);
    free(latencies_us);
}

static void write_times(const struct caller *caller)
{
    FILE *file = fopen(caller->times, "we");
    if (!file) {
        fail(caller->times);
    }
    for (size_t i = 0; i < caller->sent; i++) {
        fprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", caller->first + i,
                caller->webhooks[i].sent_us, caller->webhooks[i].answered_us);
    }
    fclose(file);
}

static void release(struct caller *caller)
{
    for (size_t i = 0; i < caller->count; i++) {
        free(caller->webhooks[i].request);
    }
    free(caller->webhooks);
    free(caller->connections);
}

static void read_options(struct caller *caller, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"count", required_argument, NULL, 'n'},
                                            {"first", required_argument, NULL, 'f'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"patience", required_argument, NULL, 'w'},
                                            {"tag", required_argument, NULL, 't'},
                                            {"times", required_argument, NULL, 'o'},
                                            {"events", no_argument, NULL, 'e'},
                                            {0}};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'p':
            caller->port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            caller->connection_count = strtoul(optarg, NULL, 10);
            break;
        case 'n':
            caller->count = strtoul(optarg, NULL, 10);
            break;
        case 'f':
            caller->first = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            caller->rate = strtod(optarg, NULL);
            break;
        case 's':
            caller->seconds = strtod(optarg, NULL);
            break;
        case 'w':
            caller->patience_s = strtod(optarg, NULL);
            break;
        case 't':
            caller->tag = optarg;
            break;
        case 'o':
            caller->times = optarg;
            break;
        case 'e':
            caller->sends_events = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    struct caller caller = {
        .connection_count = 64, .count = 1000, .tag = "bench", .patience_s = PATIENCE_S};
    read_options(&caller, argc, argv);
    caller.secret = getenv("BENCH_SECRET");
    if (!caller.secret) {
        fprintf(stderr, "fast-caller: BENCH_SECRET is not set\n");
        return 2;
    }
    prepare(&caller);
    run(&caller);
    report(&caller);
    if (caller.times) {
        write_times(&caller);
    }
    bool is_good = caller.answered == caller.sent;
    release(&caller);
    return is_good ? 0 : 1;
}
