// Decides which requests the board answers, from their heads alone: the name in the address bar,
// the page that sent the request, the way it came. Pure.
#ifndef DIALIN_BOARD_GATE_H
#define DIALIN_BOARD_GATE_H

#include "bytes.h"
#include "peer.h"

#include <stdbool.h>

// Borrowed.
struct gate_rules {
    bool has_token;
    bool is_local_only;      // BOARD_LOCAL_ONLY: what reaches the port counts as this machine
    const char *user_header; // NULL: none
    const char *hosts;       // BOARD_HOSTS, separated by commas; NULL: none
    const struct peer_proxies *proxies;
};

// The head of a request; a header that is absent is NULL. Borrowed.
struct gate_request {
    const char *peer; // the address of the connection
    bool is_api;
    bool is_get;       // GET or HEAD
    bool is_forwarded; // has Forwarded or any X-Forwarded-…
    const char *host, *origin, *sec_fetch_site, *forwarded_host, *forwarded_proto;
    const char *content_type;
    const char *user; // the value of the user header
};

struct gate_verdict {
    unsigned status; // 0: pass
    const char *code, *sentence;
};

// The order: Host (421), the proxy (403), the user header (403), the sender's page (403), the type
// of what a POST carries (415).
struct gate_verdict gate_check(const struct gate_rules *rules, const struct gate_request *request);

// Is the browser's connection https, as a trusted proxy reports?
bool gate_is_https(const struct gate_rules *rules, const struct gate_request *request);

// May a token travel this way? Returns NULL, or a sentence with the way to mend it.
const char *gate_login_problem(const struct gate_rules *rules, const struct gate_request *request);

bool gate_is_loopback(const char *address); // numeric

#endif
