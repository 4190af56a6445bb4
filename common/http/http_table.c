// See http_table.h. While the table is nearly empty every limit is as generous as http_server.h
// says. As it fills, idle connections end sooner; once it is crowded, each new connection ends the
// one that can best be spared: an idle one of a stranger, then one that has been sending its
// request, or reading its answer, for longer than an honest client takes.
#include "http_table.h"

#include "http_share.h"
#include "log.h"

#define PERCENT_BEGIN 40     // from here on idle time shortens
#define PERCENT_NEARLY 95    // from here on nobody is patient
#define IDLE_CROWDED_MS 1000 // at HTTP_CROWDED_PERCENT
#define PATIENCE_MS 1000     // with a slow client, while the table is crowded
#define IMPATIENCE_MS 250    // the same, while it is nearly full
#define IDLE_PARTS 3         // a third of the table may be idle: each takes its memory
#define SHARES 16            // an address's share is a sixteenth of the table
#define COMPLAIN_EVERY_MS 10000

static unsigned percent_full(const struct http_server *server)
{
    return (unsigned)((uint64_t)server->connections * 100 / server->options.connections_max);
}

static bool is_crowded(const struct http_server *server)
{
    return percent_full(server) >= HTTP_CROWDED_PERCENT;
}

// From `from_ms` at `begin` per cent down to `to_ms` at `end`.
static uint64_t shrink(unsigned percent, unsigned begin, unsigned end, uint64_t from_ms,
                       uint64_t to_ms)
{
    return percent <= begin ? from_ms
           : percent >= end ? to_ms
                            : from_ms - (from_ms - to_ms) * (percent - begin) / (end - begin);
}

static uint64_t idle_limit_ms(const struct http_server *server)
{
    return shrink(percent_full(server), PERCENT_BEGIN, HTTP_CROWDED_PERCENT, HTTP_IDLE_MS,
                  IDLE_CROWDED_MS);
}

static uint64_t phase_limit_ms(const struct http_server *server)
{
    return shrink(percent_full(server), HTTP_CROWDED_PERCENT, PERCENT_NEARLY,
                  HTTP_REQUEST_DEADLINE_MS, PATIENCE_MS);
}

static void complain(struct http_server *server)
{
    uint64_t now_ms = loop_now_ms();
    if (server->crowded_ms && now_ms - server->crowded_ms < COMPLAIN_EVERY_MS) {
        return;
    }
    server->crowded_ms = now_ms;
    log_warning(
        "the connection table is nearly full; closing connections that are idle or slow, or too "
        "many of one address",
        log_number("connections", server->connections),
        log_number("ended", (int64_t)server->ended_early),
        log_number("refused", (int64_t)server->refused_early));
    server->ended_early = server->refused_early = 0;
}

// --- who may come -------------------------------------------------------------------------------

static bool is_exempt(const struct http_server *server, const struct sockaddr *address,
                      const struct http_share *share)
{
    const struct http_server_options *options = &server->options;
    char peer[INET6_ADDRSTRLEN];
    if (http_address_is_private(address) || http_share_is_genuine(share, loop_now_ms())) {
        return true;
    }
    http_connection_peer(address, peer);
    return options->is_proxy && options->is_proxy(peer, options->arg);
}

bool http_table_admits(struct http_server *server, const struct sockaddr *address)
{
    const struct http_server_options *options = &server->options;
    bool is_reserved =
        server->connections + options->loopback_reserve >= options->connections_max &&
        options->loopback_reserve > 0 && !http_address_is_loopback(address);
    const struct http_share *share =
        is_crowded(server) ? http_shares_find(server->shares, address) : NULL;
    bool has_its_share = share &&
                         http_share_connections(share) >= options->connections_max / SHARES &&
                         !is_exempt(server, address, share);
    if (is_reserved || has_its_share) {
        server->refused_early++;
        complain(server);
        return false;
    }
    return true;
}

// --- who makes room -----------------------------------------------------------------------------

static void end_quietly(struct http_server *server, struct http_connection *connection)
{
    const struct linger at_once = {.l_onoff = 1};
    if (connection->queue == HTTP_QUEUE_ANSWERING) { // answers that it does not read are not kept
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    connection->must_linger = false;
    http_connection_move(&server->queues, connection, HTTP_QUEUE_NONE);
    shutdown(connection->fd, SHUT_RDWR);
    server->is_due = true;
}

static void end_receiving(struct http_server *server, struct http_connection *connection,
                          const char *status_line, const char *code, const char *sentence)
{
    http_connection_move(&server->queues, connection, HTTP_QUEUE_NONE);
    http_server_hang_up(server, connection, status_line, code, sentence);
}

static struct http_connection *oldest(const struct http_server *server, enum http_queue_name name)
{
    return server->queues.queue[name].oldest;
}

// Connections that have carried something genuine make no room for strangers, unless half of the
// table is idle ones of them.
static bool knows_too_many(const struct http_server *server)
{
    return server->queues.queue[HTTP_QUEUE_KNOWN].count > server->options.connections_max / 2;
}

static void make_room(struct http_server *server)
{
    const struct http_queues *queues = &server->queues;
    bool is_nearly_full = percent_full(server) >= PERCENT_NEARLY;
    uint64_t patience_ms = is_nearly_full ? IMPATIENCE_MS : PATIENCE_MS;
    struct http_connection *slow = http_connection_late(queues, HTTP_QUEUE_RECEIVING, patience_ms);
    struct http_connection *reader =
        http_connection_late(queues, HTTP_QUEUE_ANSWERING, patience_ms);
    if (oldest(server, HTTP_QUEUE_IDLE)) {
        end_quietly(server, oldest(server, HTTP_QUEUE_IDLE));
    } else if (slow) {
        end_receiving(server, slow, "503 Service Unavailable", "busy",
                      "too many connections; send the request faster");
    } else if (reader) {
        end_quietly(server, reader);
    } else if (is_nearly_full && knows_too_many(server)) {
        end_quietly(server, oldest(server, HTTP_QUEUE_KNOWN));
    } else {
        return;
    }
    server->ended_early++;
}

void http_table_enter(struct http_server *server, struct http_connection *connection,
                      const struct sockaddr *address)
{
    server->connections++;
    connection->share = http_shares_join(server->shares, address);
    http_connection_move(&server->queues, connection, HTTP_QUEUE_RECEIVING);
    if (is_crowded(server)) {
        make_room(server);
        complain(server);
    }
}

void http_table_rest(struct http_server *server, struct http_connection *connection)
{
    http_connection_move(&server->queues, connection,
                         connection->is_genuine ? HTTP_QUEUE_KNOWN : HTTP_QUEUE_IDLE);
    if (server->queues.queue[HTTP_QUEUE_IDLE].count >
        server->options.connections_max / IDLE_PARTS + 1) {
        end_quietly(server, oldest(server, HTTP_QUEUE_IDLE));
        server->ended_early++;
        complain(server);
    }
}

void http_table_leave(struct http_server *server, struct http_connection *connection)
{
    server->connections--;
    http_connection_move(&server->queues, connection, HTTP_QUEUE_NONE);
    http_shares_leave(server->shares, connection->share, loop_now_ms());
}

void http_table_end_late(struct http_server *server)
{
    const struct http_queues *queues = &server->queues;
    struct http_connection *late;
    uint64_t phase_ms = phase_limit_ms(server);
    uint64_t known_ms = percent_full(server) >= PERCENT_NEARLY && knows_too_many(server)
                            ? IDLE_CROWDED_MS
                            : HTTP_IDLE_MS;
    while ((late = http_connection_late(queues, HTTP_QUEUE_RECEIVING, phase_ms)) != NULL) {
        end_receiving(server, late, "408 Request Timeout", "request_timeout",
                      "the request was not whole in time");
    }
    while ((late = http_connection_late(queues, HTTP_QUEUE_ANSWERING, phase_ms)) != NULL) {
        end_quietly(server, late);
    }
    while ((late = http_connection_late(queues, HTTP_QUEUE_IDLE, idle_limit_ms(server))) != NULL) {
        end_quietly(server, late);
    }
    while ((late = http_connection_late(queues, HTTP_QUEUE_KNOWN, known_ms)) != NULL) {
        end_quietly(server, late);
    }
}
