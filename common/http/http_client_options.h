// The options of libcurl that never change.
#ifndef DIALIN_HTTP_CLIENT_OPTIONS_H
#define DIALIN_HTTP_CLIENT_OPTIONS_H

#include "http_client.h"

#include <assert.h>
#include <curl/curl.h>

static inline void http_client_option_failed(CURLcode code)
{
    assert(code == CURLE_OK); // a wrong option is our own mistake
    (void)code;
}

#define SET(easy, option, value) http_client_option_failed(curl_easy_setopt(easy, option, value))

void http_client_set_options(CURL *easy, const struct http_client_settings *settings);

// URL, method and body, whatever the handle sent before. `body` is borrowed until the request's
// end.
void http_client_set_request(CURL *easy, const struct http_post *post, const char *body);

// `arg` is that of both callbacks.
CURLM *http_client_new_multi(curl_socket_callback set_socket, curl_multi_timer_callback set_timer,
                             void *arg, unsigned connections_max);

#endif
