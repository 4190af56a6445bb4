// Whom the HTTP client trusts, and the TLS sessions that were begun under it: a session that is
// resumed shows no certificate, so sessions and connections of former authorities are not used
// again.
//
// It rests on these promises of libcurl (7.88 and 8.x): CURLOPT_SSL_CTX_FUNCTION is called once
// for the new SSL_CTX of each connection, before its handshake; a NULL CURLOPT_CAINFO and
// CURLOPT_CAPATH load nothing; with CURLOPT_CA_CACHE_TIMEOUT 0 libcurl never puts a store of its
// own back in place of ours (7.88 would do so after the callback, 8.x before it); the callback
// keeps neither a connection from reuse nor a session from being resumed.
#ifndef DIALIN_HTTP_CLIENT_TRUST_H
#define DIALIN_HTTP_CLIENT_TRUST_H

#include "http_authorities.h"

#include <curl/curl.h>

struct http_client_trust;

// NULL: libcurl's own authorities. `is_first`: no connection of the client is older. The caller is
// the first owner.
struct http_client_trust *http_client_trust_open(struct http_authorities *authorities,
                                                 bool is_first);
bool http_client_trust_is(const struct http_client_trust *trust,
                          const struct http_authorities *authorities);

// Before each transfer of a handle, which becomes an owner in place of `of_handle`, its former
// trust (NULL: it has none): the transfer makes and uses only connections of this trust.
void http_client_trust_begin(struct http_client_trust *trust, CURL *easy,
                             struct http_client_trust **of_handle);
void http_client_trust_leave(struct http_client_trust *trust); // after the handle; NULL is allowed

#endif
