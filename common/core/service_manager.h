// The messages to systemd (or a manager that speaks its protocol), and the sockets that it passes:
// sd_notify(3) and sd_listen_fds(3), by their documented environment variables. Without such a
// manager every function does nothing.
#ifndef DIALIN_SERVICE_MANAGER_H
#define DIALIN_SERVICE_MANAGER_H

#include "loop.h"

#define SERVICE_MANAGER_LISTEN_FD 3 // the first descriptor that is handed over

// The listening TCP socket that was handed over as `name` (FileDescriptorName=), or the only one,
// whatever its name is. Returns -1 if there is none. Belongs to the caller from then on.
int service_manager_socket(const char *name);

// The program is ready. Also answers the manager's watchdog (WATCHDOG_USEC) from the loop: a loop
// that stands still for as long is ended and started again.
struct service_manager;
struct service_manager *service_manager_open(struct loop *loop);
void service_manager_close(struct service_manager *manager); // NULL is allowed

// One line for `systemctl status`, at most 200 bytes.
void service_manager_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
void service_manager_stopping(void);

#endif
