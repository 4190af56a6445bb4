// See service_manager.h. The protocol is a datagram of NAME=value lines to $NOTIFY_SOCKET, and
// inherited descriptors that are counted by $LISTEN_FDS for the process $LISTEN_PID.
#include "service_manager.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES 256
#define LISTEN_FDS_MAX 64
#define US_PER_MS 1000

struct service_manager {
    struct loop_timer *watchdog;
    uint64_t watchdog_ms; // between two answers
};

// Returns 0 if the variable is not a number.
static uint64_t number_of(const char *name)
{
    const char *text = getenv(name);
    size_t len = text ? strlen(text) : 0;
    return len > 0 && len < 19 && strspn(text, "0123456789") == len ? strtoull(text, NULL, 10) : 0;
}

static void tell(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; // the abstract namespace
    }
    sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}

// --- sockets ------------------------------------------------------------------------------------

static bool is_listening(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value == 1;
}

// Is `name` the element number `index` of $LISTEN_FDNAMES, which colons separate?
static bool is_named(uint64_t index, const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    for (; names && index > 0; index--) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    size_t len = names ? strcspn(names, ":") : 0;
    return names && len == strlen(name) && !strncmp(names, name, len);
}

int service_manager_socket(const char *name)
{
    uint64_t count = number_of("LISTEN_PID") == (uint64_t)getpid() ? number_of("LISTEN_FDS") : 0;
    count = count < LISTEN_FDS_MAX ? count : LISTEN_FDS_MAX;
    for (uint64_t i = 0; i < count; i++) {
        int fd = SERVICE_MANAGER_LISTEN_FD + (int)i;
        if ((count == 1 || is_named(i, name)) && is_listening(fd)) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
            return fd;
        }
    }
    return -1;
}

// --- state --------------------------------------------------------------------------------------

static void answer_watchdog(void *arg)
{
    struct service_manager *manager = arg;
    tell("WATCHDOG=1");
    loop_timer_start(manager->watchdog, manager->watchdog_ms);
}

struct service_manager *service_manager_open(struct loop *loop)
{
    struct service_manager *manager = memory_zeroed(sizeof *manager);
    uint64_t pid = number_of("WATCHDOG_PID");
    manager->watchdog_ms =
        pid == 0 || pid == (uint64_t)getpid() ? number_of("WATCHDOG_USEC") / US_PER_MS / 3 : 0;
    manager->watchdog = loop_timer_open(loop, answer_watchdog, manager);
    if (manager->watchdog_ms > 0) {
        answer_watchdog(manager);
    }
    tell("READY=1");
    return manager;
}

void service_manager_close(struct service_manager *manager)
{
    if (manager) {
        loop_timer_close(manager->watchdog);
        free(manager);
    }
}

void service_manager_status(const char *format, ...)
{
    char message[MESSAGE_BYTES] = "STATUS=";
    size_t len = strlen(message);
    va_list args;
    va_start(args, format);
    vsnprintf(message + len, sizeof message - len, format, args);
    va_end(args);
    tell(message);
}

void service_manager_stopping(void)
{
    tell("STOPPING=1");
}
