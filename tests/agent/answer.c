// The words of the refusals are Pipecat Cloud's, as far as its documentation shows them: errors are
// {"error","code"} (REST reference, "ErrorResponse"), PCC-1002 and PCC-AGENT-AT-CAPACITY have the
// sentences of the page "Error codes", and the page "Starting sessions" shows 429 in another form,
// with "status" and "message". Both forms of 429 can be had here, since both may be met.
#include "answer.h"

#include "json.h"
#include "memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_BYTES_MAX 512
#define ERROR_BYTES_MAX 512

struct answer answer_error(unsigned status, const char *code, const char *sentence)
{
    return (struct answer){.status = status, .code = code, .sentence = sentence};
}

struct answer answer_at_capacity(const char *code, const char *retry_after)
{
    return (struct answer){
        .status = 429,
        .code = code,
        .sentence = "Service maximum agent instances reached",
        .retry_after = retry_after,
    };
}

static struct bytes_view garbage_body(enum cue_garbage garbage)
{
    switch (garbage) {
    case GARBAGE_NONE:
    case GARBAGE_EMPTY:
        break;
    case GARBAGE_TEXT:
        return VIEW("<html>this is no JSON</html>");
    case GARBAGE_TYPES:
        return VIEW("{\"dailyRoom\":17,\"dailyToken\":[],\"sessionId\":{\"a\":null}}");
    case GARBAGE_CUT:
        return VIEW("{\"dailyRoom\":\"https://tri");
    case GARBAGE_ARRAY:
        return VIEW("[1,2,3]");
    }
    return VIEW("");
}

static void reply(const struct answer *answer, struct http_request *request, struct bytes_view body)
{
    struct http_header headers[3] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    size_t count = 0;
    if (answer->retry_after && *answer->retry_after) {
        headers[count++] = (struct http_header){"Retry-After", answer->retry_after};
    }
    if (answer->location && *answer->location) {
        headers[count++] = (struct http_header){"Location", answer->location};
    }
    http_reply(request, answer->status, body, headers);
}

static void reply_with_session(const struct answer *answer, struct http_request *request,
                               struct chance *chance)
{
    char session_id[CHANCE_UUID_BYTES], body[SESSION_BYTES_MAX];
    chance_uuid(chance, session_id);
    int len = answer->has_made_room
                  ? snprintf(body, sizeof body,
                             "{\"dailyRoom\":\"%s\",\"dailyToken\":"
                             "\"trial-token-%016llx%016llx\",\"sessionId\":\"%s\"}",
                             answer->room_url, (unsigned long long)chance_next(chance),
                             (unsigned long long)chance_next(chance), session_id)
                  : snprintf(body, sizeof body, "{\"sessionId\":\"%s\"}", session_id);
    assert(len > 0 && (size_t)len < sizeof body);
    reply(answer, request, (struct bytes_view){body, (size_t)len});
}

static void reply_with_error(const struct answer *answer, struct http_request *request)
{
    struct bytes body;
    bytes_init(&body, ERROR_BYTES_MAX);
    if (!strcmp(answer->code, "429")) {
        bytes_append_text(&body, "{\"status\":429,\"code\":\"429\",\"message\":"
                                 "\"Rate limit exceeded. Please try again later\"}");
    } else {
        bytes_append_text(&body, "{\"error\":");
        json_append_text(&body, view_of_text(answer->sentence));
        bytes_append_text(&body, ",\"code\":");
        json_append_text(&body, view_of_text(answer->code));
        bytes_append_text(&body, "}");
    }
    reply(answer, request, bytes_view(&body));
    bytes_release(&body);
}

static void reply_with_bytes(const struct answer *answer, struct http_request *request)
{
    char *filler = memory_zeroed(answer->cue->bytes);
    memset(filler, 'x', answer->cue->bytes);
    reply(answer, request, (struct bytes_view){filler, answer->cue->bytes});
    free(filler);
}

void answer_send(const struct answer *answer, struct http_request *request, struct chance *chance)
{
    if (answer->status == 0) {
        http_abort(request);
    } else if (answer->is_session) {
        reply_with_session(answer, request, chance);
    } else if (answer->code) {
        reply_with_error(answer, request);
    } else if (answer->cue->bytes) {
        reply_with_bytes(answer, request);
    } else {
        reply(answer, request,
              answer->cue->has_body ? view_of_text(answer->cue->body)
                                    : garbage_body(answer->cue->garbage));
    }
}
