// An agent as a call is sent to it (name, URL of /start, key), and what is asked of a URL: may
// requests go there, and which part of it may be shown.
#ifndef DIALIN_ROUTE_H
#define DIALIN_ROUTE_H

#include "bytes.h"

#include <stdbool.h>

#define ROUTE_AGENT_BYTES_MAX 256
#define ROUTE_URL_BYTES_MAX 2048
#define ROUTE_KEY_BYTES_MAX 4000 // of an API key

struct route {
    char agent[ROUTE_AGENT_BYTES_MAX + 1]; // its name, or host and path of its URL
    char start_url[ROUTE_URL_BYTES_MAX + 1];
    // Names that may be asked over plain http: patterns separated by commas, `*` stands for any
    // part of a name. Set before route_to_url; borrowed; NULL: none.
    const char *allow_http;
    const char *api_key; // borrowed; NULL: none is sent
};

// Is each of these patterns (`allow_http`) a host named in full, or one that ends in a domain that
// the public DNS does not have? Else returns false, with a sentence in `problem`; route_to_url
// ignores such a pattern.
bool route_check_allow_http(const char *patterns, struct bytes *problem);

// Can requests go to this URL? Plain http is for hosts that are near (loopback, private and
// link-local networks, names without a dot) and for those that `allow_http` names. Else returns
// false, with a sentence in `problem` that names at most the host. `sent` is what would go there in
// the clear; `instead_of_user` goes on where a user and a password are refused.
bool route_check_url(const char *url, const char *allow_http, const char *sent,
                     const char *instead_of_user, struct bytes *problem);

// What may be shown of a URL, whose path and query may hold a secret. It must have passed
// route_check_url: there is then no user and no password in it. Views of `url`.
struct bytes_view route_url_host(const char *url); // host and port
struct bytes_view route_url_without_query(const char *url);

// A bot of one's own at `start_url`. Returns false, with a sentence in `problem`, if the URL cannot
// be used (route_check_url).
bool route_to_url(struct route *route, const char *start_url, const char *api_key,
                  struct bytes *problem);

// An agent on Pipecat Cloud.
bool route_to_cloud(struct route *route, const char *agent_name, const char *api_key,
                    struct bytes *problem);

#endif
