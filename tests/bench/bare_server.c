// The ceiling of the ingress: what libmicrohttpd does in its best way and with nothing behind it.
// Reads each webhook, keeps nothing, answers 200 with a body as long as the ingress's; one thread
// on epoll, as the ingress. Ends on SIGTERM.
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 1024
#define BACKLOG 4096

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **context)
{
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    struct MHD_Response *answer = arg;
    if (!*context) {
        *context = answer; // the head has come, the body has not
        return MHD_YES;
    }
    if (*upload_len > 0) {
        *upload_len = 0;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, answer);
}

int main(int argc, char **argv)
{
    static char body[] =
        "{\"status\":\"queued\",\"id\":\"1763899200000-0\",\"call_id\":\"bench-00000000\"}";
    int number = 0;
    sigset_t ending;
    if (argc != 2) {
        fprintf(stderr, "bare-server PORT\n");
        return 2;
    }
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL); // before the thread, which inherits it
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, answer,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "bare-server: cannot listen\n");
        return 1;
    }
    sigwait(&ending, &number);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(answer);
    return 0;
}
