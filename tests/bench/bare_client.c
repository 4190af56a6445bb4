// The ceiling of the worker: what libcurl's multi interface does in its best way and with nothing
// behind it. Posts one body COUNT times over CONNECTIONS kept-alive connections: the easy handles
// and their headers are made once, libcurl's sockets are watched by one epoll.
#include "loop.h"
#include "memory.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define EVENTS_MAX 256
#define MS_PER_S 1000
#define US_PER_MS 1000

struct client {
    CURLM *multi;
    int epoll_fd;
    long count, begun, good, finished;
    uint64_t timer_us; // UINT64_MAX: none
};

static size_t drop(char *data, size_t size, size_t count, void *arg)
{
    (void)data;
    (void)arg;
    return size * count;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct client *client = arg;
    client->timer_us =
        timeout_ms < 0 ? UINT64_MAX : loop_now_us() + (uint64_t)timeout_ms * US_PER_MS;
    return 0;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *is_known)
{
    (void)easy;
    struct client *client = arg;
    struct epoll_event event = {.data.fd = fd};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    epoll_ctl(client->epoll_fd, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(client->multi, fd, client);
    return 0;
}

static void begin(struct client *client, CURL *easy)
{
    if (client->begun < client->count) {
        client->begun++;
        curl_multi_add_handle(client->multi, easy);
    }
}

static void take_finished(struct client *client)
{
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        client->good += message->data.result == CURLE_OK && status == 200;
        client->finished++;
        curl_multi_remove_handle(client->multi, easy);
        begin(client, easy);
    }
}

static void turn(struct client *client)
{
    struct epoll_event events[EVENTS_MAX];
    uint64_t now_us = loop_now_us();
    int running = 0;
    int timeout_ms = MS_PER_S;
    if (client->timer_us != UINT64_MAX) {
        timeout_ms = client->timer_us > now_us
                         ? (int)((client->timer_us - now_us + US_PER_MS - 1) / US_PER_MS)
                         : 0;
    }
    int count = epoll_wait(client->epoll_fd, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++) {
        int mask = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(client->multi, events[i].data.fd, mask, &running);
    }
    if (client->timer_us != UINT64_MAX && loop_now_us() >= client->timer_us) {
        client->timer_us = UINT64_MAX;
        curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_finished(client);
}

static CURL *new_easy(const char *url, const char *body, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    assert(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

static CURLM *new_multi(struct client *client, long connections)
{
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections);
    return multi;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "bare-client URL COUNT CONNECTIONS BODY\n");
        return 2;
    }
    struct client client = {.count = strtol(argv[2], NULL, 10), .timer_us = UINT64_MAX};
    long connections = strtol(argv[3], NULL, 10);
    CURL **easies = memory_zeroed((size_t)connections * sizeof *easies);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client.multi = new_multi(&client, connections);
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "User-Agent: dialin/bench");
    headers = curl_slist_append(headers, "Idempotency-Key: bench-of-libcurl");
    uint64_t begun_us = loop_now_us();
    for (long i = 0; i < connections; i++) {
        easies[i] = new_easy(argv[1], argv[4], headers);
        begin(&client, easies[i]);
    }
    while (client.finished < client.count) {
        turn(&client);
    }
    double took_s = (double)(loop_now_us() - begun_us) / (MS_PER_S * US_PER_MS);
    printf("{\"answered\":%ld,\"rate\":%.1f}\n", client.good, (double)client.good / took_s);
    for (long i = 0; i < connections; i++) {
        curl_easy_cleanup(easies[i]);
    }
    curl_multi_cleanup(client.multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    free(easies);
    return client.good == client.count ? 0 : 1;
}
