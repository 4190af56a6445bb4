// See http_client_options.h.
#include "http_client_options.h"

#include <string.h>

#define ANSWER_BUFFER_BYTES 4096L

void http_client_set_options(CURL *easy, const struct http_client_settings *settings)
{
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->connect_timeout_ms);
    SET(easy, CURLOPT_BUFFERSIZE, ANSWER_BUFFER_BYTES);
    SET(easy, CURLOPT_MAXAGE_CONN, (long)HTTP_KEPT_IDLE_S);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_TCP_NODELAY, 1L);
}

void http_client_set_request(CURL *easy, const struct http_post *post, const char *body)
{
    const bool is_get = post->method && !strcmp(post->method, "GET");
    SET(easy, CURLOPT_URL, post->url);
    SET(easy, CURLOPT_POSTFIELDS, is_get ? NULL : body);
    SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, is_get ? (curl_off_t)-1 : (curl_off_t)post->body.len);
    SET(easy, is_get ? CURLOPT_HTTPGET : CURLOPT_POST, 1L); // after the body, which means POST
    SET(easy, CURLOPT_CUSTOMREQUEST, is_get ? NULL : post->method);
}

CURLM *http_client_new_multi(curl_socket_callback set_socket, curl_multi_timer_callback set_timer,
                             void *arg, unsigned connections_max)
{
    CURLM *multi = curl_multi_init();
    assert(multi);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, arg);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, arg);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
    return multi;
}
