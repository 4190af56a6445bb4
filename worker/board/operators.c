// See operators.h.
#include "operators.h"

#include "board.h"
#include "json_line.h"
#include "mask.h"
#include "memory.h"
#include "redis_keys.h"

#include <stdlib.h>

#define SHOWN "50"
#define LIST_BYTES_MAX (256 * 1024)

struct operators {
    struct redis *redis;
    struct bytes key;
};

struct noting {
    operators_on_noted *on_noted;
    void *arg;
};

struct operators *operators_open(struct redis *redis, const char *prefix)
{
    struct operators *operators = memory_zeroed(sizeof *operators);
    operators->redis = redis;
    redis_key_init(&operators->key, prefix, REDIS_KEY_OPERATORS);
    return operators;
}

void operators_close(struct operators *operators)
{
    bytes_release(&operators->key);
    free(operators);
}

static void on_added(const redisReply *reply, void *arg)
{
    struct noting *noting = arg;
    bool is_noted = reply && reply->type == REDIS_REPLY_STRING;
    noting->on_noted(is_noted ? reply->str : NULL, noting->arg);
    free(noting);
}

void operators_intend(struct operators *operators, const struct operator_intent *intent,
                      operators_on_noted *on_noted, void *arg)
{
    struct noting *noting = memory_zeroed(sizeof *noting);
    *noting = (struct noting){on_noted, arg};
    const struct bytes_view argv[] = {VIEW("XADD"),
                                      bytes_view(&operators->key),
                                      VIEW("MAXLEN"),
                                      VIEW("~"),
                                      VIEW(REDIS_OPERATORS_MAX),
                                      VIEW("*"),
                                      VIEW("action"),
                                      view_of_text(intent->action),
                                      VIEW("operator"),
                                      view_of_text(intent->operator),
                                      VIEW("peer"),
                                      view_of_text(intent->peer),
                                      view_of_text(intent->field),
                                      view_of_text(intent->value)};
    if (!redis_send(operators->redis, sizeof argv / sizeof argv[0], argv, on_added, noting)) {
        on_added(NULL, noting);
    }
}

static void ignore(const redisReply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

void operators_note_outcome(struct operators *operators, const char *id, const char *outcome)
{
    const struct bytes_view argv[] = {VIEW("XADD"),
                                      bytes_view(&operators->key),
                                      VIEW("MAXLEN"),
                                      VIEW("~"),
                                      VIEW(REDIS_OPERATORS_MAX),
                                      VIEW("*"),
                                      VIEW("intent"),
                                      view_of_text(id),
                                      VIEW("outcome"),
                                      view_of_text(outcome)};
    redis_send(operators->redis, sizeof argv / sizeof argv[0], argv, ignore, NULL);
}

// --- the list -----------------------------------------------------------------------------------

static void put_row(struct json_line *line, const redisReply *row)
{
    const redisReply *fields = row->element[1];
    json_line_open_element(line);
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        json_line_text(line, fields->element[i]->str, reply_view(fields->element[i + 1]));
    }
    json_line_close(line, '}');
}

static void on_list(const redisReply *reply, void *arg)
{
    struct http_request *request = arg;
    struct json_line line;
    struct bytes body;
    if (!reply_has_shape(reply, REPLY_ROWS)) {
        http_refuse(request, 503, "record_unavailable",
                    reply && reply_is_error(reply) ? reply->str : "Redis did not answer", 1);
        return;
    }
    json_line_init(&line);
    json_line_open(&line, "operators", '[');
    for (size_t i = 0; i < reply->elements; i++) {
        put_row(&line, reply->element[i]);
    }
    json_line_close(&line, ']');
    bytes_append_text(&line.text, "}");
    cJSON *tree = cJSON_Parse(bytes_text(&line.text));
    mask_tree(tree);
    bytes_init(&body, LIST_BYTES_MAX);
    json_print(tree, &body);
    board_reply(request, bytes_view(&body));
    cJSON_Delete(tree);
    bytes_release(&body);
    json_line_release(&line);
}

void operators_answer_list(struct operators *operators, struct http_request *request)
{
    const struct bytes_view argv[] = {VIEW("XREVRANGE"), bytes_view(&operators->key),
                                      VIEW("+"),         VIEW("-"),
                                      VIEW("COUNT"),     VIEW(SHOWN)};
    if (!redis_send(operators->redis, 6, argv, on_list, request)) {
        http_refuse(request, 503, "record_unavailable", "Redis is away", 1);
    }
}
