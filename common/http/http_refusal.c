// See http_refusal.h.
#include "http_refusal.h"

#include "json.h"

#include <string.h>

#define BODY_BYTES_MAX 1024
#define ANSWER_BYTES_MAX 2048

struct bytes http_refusal_body(const char *code, const char *sentence)
{
    struct bytes body;
    bytes_init(&body, BODY_BYTES_MAX);
    bytes_append_text(&body, "{\"error\":");
    if (!json_append_text(&body, view_of_text(sentence))) {
        bytes_append_text(&body, "\"\"");
    }
    bytes_printf(&body, ",\"code\":\"%s\"}", code);
    return body;
}

struct bytes http_refusal_answer(const char *status_line, const char *code, const char *sentence)
{
    struct bytes answer;
    struct bytes body = http_refusal_body(code, sentence);
    bytes_init(&answer, ANSWER_BYTES_MAX);
    bytes_printf(&answer,
                 "HTTP/1.1 %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
                 "%sContent-Length: %zu\r\n\r\n",
                 status_line, strncmp(status_line, "503", 3) ? "" : "Retry-After: 1\r\n", body.len);
    bytes_append_view(&answer, bytes_view(&body));
    bytes_release(&body);
    return answer;
}
