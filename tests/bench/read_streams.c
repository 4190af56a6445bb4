// Viewers of a board that cost as little as one can: one process holds all their streams, reads
// what comes and counts it. What a browser does with it costs the viewer's machine, not the
// board's.
//
//   read_streams PORT COUNT
//
// When it ends (SIGTERM) it prints {"bytes": of all, "least": of the viewer who got least}. Exit
// code 1 if a stream is refused, or ends before that.
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define VIEWERS_MAX 1024
#define READ_BYTES (256 * 1024)

struct viewer {
    int fd;
    uint64_t bytes;
};

static struct viewer viewers[VIEWERS_MAX];
static char data[READ_BYTES];

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "read_streams: %s: %s\n", what, errno ? strerror(errno) : "it ended");
    exit(1);
}

static void watch(int epoll_fd, int fd, struct viewer *viewer)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
        fail("epoll_ctl");
    }
}

static void begin(struct viewer *viewer, uint16_t port)
{
    static const char ASK[] = "GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (viewer->fd < 0 || connect(viewer->fd, (struct sockaddr *)&address, sizeof address) ||
        send(viewer->fd, ASK, sizeof ASK - 1, MSG_NOSIGNAL) != sizeof ASK - 1) {
        fail("connect");
    }
}

static void receive(struct viewer *viewer)
{
    static const char GOOD[] = "HTTP/1.1 200 ";
    errno = 0;
    ssize_t len = recv(viewer->fd, data, sizeof data, MSG_DONTWAIT);
    if (len < 0 && errno == EAGAIN) {
        return;
    }
    if (len <= 0) {
        fail("a stream");
    }
    if (viewer->bytes == 0 && strncmp(data, GOOD, sizeof GOOD - 1) != 0) {
        fail("a stream was refused");
    }
    viewer->bytes += (uint64_t)len;
}

static int ending_signal(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}

static void report(size_t count)
{
    uint64_t sum = 0, least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        sum += viewers[i].bytes;
        least = viewers[i].bytes < least ? viewers[i].bytes : least;
    }
    printf("{\"bytes\": %" PRIu64 ", \"least\": %" PRIu64 "}\n", sum, least);
}

int main(int argc, char **argv)
{
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    const size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > VIEWERS_MAX) {
        fprintf(stderr, "usage: read_streams PORT COUNT, of at most %d\n", VIEWERS_MAX);
        return 2;
    }
    watch(epoll_fd, ending_signal(), NULL);
    for (size_t i = 0; i < count; i++) {
        begin(&viewers[i], (uint16_t)strtoul(argv[1], NULL, 10));
        watch(epoll_fd, viewers[i].fd, &viewers[i]);
    }
    bool is_ending = false;
    while (!is_ending) {
        struct epoll_event events[VIEWERS_MAX];
        const int ready = epoll_wait(epoll_fd, events, VIEWERS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            is_ending |= !events[i].data.ptr;
            if (events[i].data.ptr) {
                receive(events[i].data.ptr);
            }
        }
    }
    report(count);
    return 0;
}
