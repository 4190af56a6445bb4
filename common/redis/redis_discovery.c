// See redis_discovery.h. A search is: find the addresses of a host; of a Sentinel or a node of the
// cluster then connect to each of these, ask one question, and find the addresses of the host that
// the reply names. Who is asked about is never used without being asked itself: redis.c checks that
// it is a master.
#include "redis_discovery.h"

#include "memory.h"
#include "redis_command.h"
#include "redis_reply.h"
#include "redis_slot.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTION_BYTES_MAX 4096
#define PROBLEM_BYTES 768

struct redis_discovery {
    struct loop *loop;
    const struct redis_address *address;
    unsigned slot;
    struct redis_host hosts[REDIS_HOSTS_MAX]; // Sentinels or nodes: of the URL, then those learned
    size_t host_count;
    struct redis_host owner; // of our slot, as a node said by MOVED; port 0: unknown
    size_t next;             // host to begin with
    // of one search
    redis_on_targets *on_targets; // NULL: none is going on
    void *arg;
    struct redis_tls *tls;
    size_t asked;           // hosts
    bool is_last;           // the addresses being looked up are those of the server itself
    bool has_auth;          // AUTH was sent to this one
    struct redis_host host; // being looked up
    struct loop_resolve *resolve;
    struct redis_target targets[REDIS_TARGETS_MAX]; // addresses of that host
    size_t target_count, target;
    struct redis_link *link;
    struct loop_timer *timer; // of an answer, and of a result that must not be reported at once
    char problem[PROBLEM_BYTES];
};

static void ask_next_target(struct redis_discovery *discovery);
static void ask_next_host(struct redis_discovery *discovery);

// --- the end of a search ------------------------------------------------------------------------

static void hang_up(struct redis_discovery *discovery)
{
    redis_link_close(discovery->link);
    discovery->link = NULL;
    loop_timer_stop(discovery->timer);
}

static void finish(struct redis_discovery *discovery, size_t count)
{
    redis_on_targets *on_targets = discovery->on_targets;
    hang_up(discovery);
    discovery->on_targets = NULL;
    on_targets(discovery->targets, count, discovery->problem, discovery->arg);
}

static void note_problem(struct redis_discovery *discovery, const char *problem)
{
    size_t len = strlen(discovery->problem);
    if (!strstr(discovery->problem, problem)) {
        snprintf(discovery->problem + len, sizeof discovery->problem - len, "%s%s",
                 len > 0 ? "; " : "", problem);
    }
}

// --- the addresses of a host --------------------------------------------------------------------

static void on_addresses(const loop_address *addresses, size_t count, void *arg)
{
    struct redis_discovery *discovery = arg;
    discovery->resolve = NULL;
    for (size_t i = 0; i < count; i++) {
        struct redis_target *target = &discovery->targets[i];
        snprintf(target->address, sizeof target->address, "%s", addresses[i]);
        snprintf(target->name, sizeof target->name, "%s", discovery->host.name);
        target->port = discovery->host.port;
    }
    discovery->target_count = count;
    discovery->target = 0;
    if (count == 0) {
        char problem[sizeof discovery->host.name + 64];
        snprintf(problem, sizeof problem, "the host's name is not known: %s", discovery->host.name);
        note_problem(discovery, problem);
    }
    if (discovery->is_last) {
        finish(discovery, count);
    } else {
        ask_next_target(discovery);
    }
}

static bool is_numeric(const char *name)
{
    unsigned char number[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, number) == 1 || inet_pton(AF_INET6, name, number) == 1;
}

// Numeric addresses and paths need no look-up.
static void look_up(struct redis_discovery *discovery, const struct redis_host *host)
{
    discovery->host = *host;
    if (host->port == 0 || is_numeric(host->name)) {
        struct redis_target *target = &discovery->targets[0];
        memcpy(target->address, host->name, sizeof target->address);
        memcpy(target->name, host->name, sizeof target->name);
        target->port = host->port;
        discovery->target_count = 1;
        discovery->target = 0;
        loop_timer_start(discovery->timer, 0); // goes on there
        return;
    }
    discovery->resolve = loop_resolve(discovery->loop, host->name, discovery->address->family,
                                      on_addresses, discovery);
    if (!discovery->resolve) {
        discovery->target_count = 0;
        note_problem(discovery, "the host's name cannot be looked up");
        loop_timer_start(discovery->timer, 0);
    }
}

// --- asking -------------------------------------------------------------------------------------

static void on_broken(const char *problem, void *arg)
{
    struct redis_discovery *discovery = arg;
    note_problem(discovery, problem);
    ask_next_target(discovery);
}

static void answered_with(struct redis_discovery *discovery, struct bytes_view name, uint64_t port)
{
    struct redis_host owner = {.port = (uint16_t)port};
    if (port == 0 || port > UINT16_MAX || name.len >= sizeof owner.name) {
        note_problem(discovery, "the reply about the server's place is not understood");
        ask_next_target(discovery);
        return;
    }
    if (name.len > 0) {
        view_copy(name, owner.name, sizeof owner.name);
    } else { // a node that does not know its own host: the one we asked
        memcpy(owner.name, discovery->host.name, sizeof owner.name);
    }
    hang_up(discovery);
    discovery->is_last = true;
    look_up(discovery, &owner);
}

// The answer is {host, port}, or nil if no master has that name.
static void on_master(struct redis_discovery *discovery, const redisReply *reply)
{
    const redisReply *host = reply_at(reply, 0, REDIS_REPLY_STRING);
    const redisReply *port = reply_at(reply, 1, REDIS_REPLY_STRING);
    if (!host || !port) {
        note_problem(discovery, reply->type == REDIS_REPLY_ERROR
                                    ? reply->str
                                    : "the Sentinel knows no master of that name (REDIS_URL)");
        ask_next_target(discovery);
        return;
    }
    answered_with(discovery, reply_view(host), view_number(reply_view(port)));
}

static void learn(struct redis_discovery *discovery, struct bytes_view name, uint64_t port)
{
    struct redis_host *host = &discovery->hosts[discovery->host_count];
    for (size_t i = 0; i < discovery->host_count; i++) {
        if (view_equal_text(name, discovery->hosts[i].name) && discovery->hosts[i].port == port) {
            return;
        }
    }
    if (discovery->host_count < REDIS_HOSTS_MAX && name.len > 0 && name.len < sizeof host->name &&
        port > 0 && port <= UINT16_MAX) {
        view_copy(name, host->name, sizeof host->name);
        host->port = (uint16_t)port;
        discovery->host_count++;
    }
}

static uint64_t port_of(const redisReply *node)
{
    int64_t port = 0;
    return reply_integer(reply_at(node, 1, REDIS_REPLY_INTEGER), 1, UINT16_MAX, &port)
               ? (uint64_t)port
               : 0;
}

// Rows of {first slot, last slot, {host, port, …} of the master, the same of each replica}.
static void on_slots(struct redis_discovery *discovery, const redisReply *reply)
{
    const redisReply *owner = NULL;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_problem(discovery, reply->str);
        ask_next_target(discovery);
        return;
    }
    for (size_t i = 0; i < reply_count(reply); i++) {
        const redisReply *row = reply_at(reply, i, REDIS_REPLY_ARRAY);
        int64_t first = 0, last = 0;
        if (!reply_integer(reply_at(row, 0, REDIS_REPLY_INTEGER), 0, REDIS_SLOTS - 1, &first) ||
            !reply_integer(reply_at(row, 1, REDIS_REPLY_INTEGER), first, REDIS_SLOTS - 1, &last)) {
            continue;
        }
        bool is_ours = discovery->slot >= (unsigned)first && discovery->slot <= (unsigned)last;
        owner = is_ours ? reply_at(row, 2, REDIS_REPLY_ARRAY) : owner;
        for (size_t n = 2; n < reply_count(row); n++) {
            const redisReply *node = reply_at(row, n, REDIS_REPLY_ARRAY);
            learn(discovery, reply_view(reply_at(node, 0, REDIS_REPLY_STRING)), port_of(node));
        }
    }
    if (!owner) {
        note_problem(discovery, "no node of the cluster holds the slot of REDIS_PREFIX");
        ask_next_target(discovery);
        return;
    }
    answered_with(discovery, reply_view(reply_at(owner, 0, REDIS_REPLY_STRING)), port_of(owner));
}

static bool send_question(struct redis_discovery *discovery, size_t argc,
                          const struct bytes_view *argv)
{
    struct bytes command;
    bytes_init(&command, QUESTION_BYTES_MAX);
    bool is_sent = redis_command_append(&command, argc, argv, 0) &&
                   redis_link_send(discovery->link, bytes_view(&command));
    bytes_release(&command);
    return is_sent;
}

static void log_in(struct redis_discovery *discovery)
{
    const struct redis_address *address = discovery->address;
    const struct bytes_view with_user[] = {VIEW("AUTH"), view_of_text(address->user),
                                           view_of_text(address->password)};
    const struct bytes_view without[] = {VIEW("AUTH"), view_of_text(address->password)};
    discovery->has_auth = true;
    send_question(discovery, address->user[0] ? 3 : 2, address->user[0] ? with_user : without);
}

static void ask(struct redis_discovery *discovery)
{
    const struct bytes_view master[] = {VIEW("SENTINEL"), VIEW("get-master-addr-by-name"),
                                        view_of_text(discovery->address->master)};
    const struct bytes_view slots[] = {VIEW("CLUSTER"), VIEW("SLOTS")};
    if (discovery->address->kind == REDIS_SENTINEL) {
        send_question(discovery, 3, master);
    } else {
        send_question(discovery, 2, slots);
    }
}

// Sentinels often have no password even if the servers have one: it is given only to those that
// ask.
static void on_open(void *arg)
{
    struct redis_discovery *discovery = arg;
    discovery->has_auth = false;
    if (discovery->address->kind == REDIS_CLUSTER && discovery->address->has_login) {
        log_in(discovery);
        return;
    }
    ask(discovery);
}

static void on_reply(redisReply *reply, void *arg)
{
    struct redis_discovery *discovery = arg;
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    if (is_error && !discovery->has_auth && discovery->address->has_login &&
        redis_error_of(reply) == REDIS_REFUSED) {
        log_in(discovery);
    } else if (reply->type == REDIS_REPLY_STATUS) { // of AUTH
        ask(discovery);
    } else if (is_error) {
        note_problem(discovery, reply->str);
        ask_next_target(discovery);
    } else if (discovery->address->kind == REDIS_SENTINEL) {
        on_master(discovery, reply);
    } else {
        on_slots(discovery, reply);
    }
}

static void ask_next_target(struct redis_discovery *discovery)
{
    static const struct redis_link_events EVENTS = {on_open, on_reply, on_broken};
    hang_up(discovery);
    if (discovery->target == discovery->target_count) {
        ask_next_host(discovery);
        return;
    }
    discovery->link = redis_link_open(discovery->loop, &discovery->targets[discovery->target++],
                                      discovery->tls, &EVENTS, discovery);
    loop_timer_start(discovery->timer, REDIS_DISCOVERY_ANSWER_MS);
}

static void ask_next_host(struct redis_discovery *discovery)
{
    if (discovery->asked == discovery->host_count) {
        finish(discovery, 0);
        return;
    }
    discovery->asked++;
    discovery->next = (discovery->next + 1) % discovery->host_count;
    look_up(discovery, &discovery->hosts[discovery->next]);
}

static void on_time(void *arg)
{
    struct redis_discovery *discovery = arg;
    if (discovery->link) {
        note_problem(discovery, "no answer within the deadline");
        ask_next_target(discovery);
    } else if (discovery->is_last) {
        finish(discovery, discovery->target_count);
    } else {
        ask_next_target(discovery);
    }
}

// --- searching ----------------------------------------------------------------------------------

void redis_discovery_find(struct redis_discovery *discovery, struct redis_tls *tls,
                          redis_on_targets *on_targets, void *arg)
{
    const struct redis_host owner = discovery->owner;
    discovery->on_targets = on_targets;
    discovery->arg = arg;
    discovery->tls = tls;
    discovery->asked = 0;
    discovery->problem[0] = '\0';
    discovery->owner.port = 0;
    discovery->is_last = discovery->address->kind == REDIS_SINGLE || owner.port > 0;
    if (discovery->is_last) {
        look_up(discovery, owner.port > 0 ? &owner : &discovery->address->hosts[0]);
    } else {
        ask_next_host(discovery);
    }
}

void redis_discovery_stop(struct redis_discovery *discovery)
{
    loop_resolve_cancel(discovery->resolve);
    discovery->resolve = NULL;
    discovery->on_targets = NULL;
    hang_up(discovery);
}

void redis_discovery_moved(struct redis_discovery *discovery, const char *error,
                           const struct redis_target *from)
{
    struct redis_host owner = {.port = 0};
    const char *space = strrchr(error, ' ');
    const char *colon = space ? strrchr(space, ':') : NULL;
    uint64_t port = colon ? view_number(view_of_text(colon + 1)) : 0;
    size_t len = colon ? (size_t)(colon - space) - 1 : 0;
    if (discovery->address->kind != REDIS_CLUSTER || port == 0 || port > UINT16_MAX ||
        len >= sizeof owner.name) {
        return; // the next search will find it
    }
    memcpy(owner.name, len > 0 ? space + 1 : from->name, len > 0 ? len : sizeof from->name);
    owner.port = (uint16_t)port;
    discovery->owner = owner;
}

struct redis_discovery *redis_discovery_open(struct loop *loop, const struct redis_address *address)
{
    struct redis_discovery *discovery = memory_zeroed(sizeof *discovery);
    discovery->loop = loop;
    discovery->address = address;
    discovery->slot = redis_slot_of(view_of_text(address->prefix));
    memcpy(discovery->hosts, address->hosts, sizeof discovery->hosts);
    discovery->host_count = address->host_count;
    discovery->next = address->host_count - 1; // one before the first
    discovery->timer = loop_timer_open(loop, on_time, discovery);
    return discovery;
}

void redis_discovery_close(struct redis_discovery *discovery)
{
    redis_discovery_stop(discovery);
    loop_timer_close(discovery->timer);
    free(discovery);
}
