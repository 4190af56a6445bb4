// See operators.h.
#include "operators.h"

#include "board.h"
#include "json_line.h"
#include "mask.h"
#include "memory.h"
#include "operator_entry.h"
#include "redis_keys.h"

#include <stdlib.h>

#define SHOWN "50"
#define LIST_BYTES_MAX (256 * 1024)

struct operators {
    struct live *live;
    const struct board_settings *settings;
    struct bytes keys[REDIS_PREFIXES_MAX];
};

// A list that is being read, one prefix after the other.
struct listing {
    struct operators *operators;
    struct http_request *request;
    struct json_line line;
    size_t prefix;
};

struct noting {
    operators_on_noted *on_noted;
    void *arg;
};

struct operators *operators_open(struct live *live, const struct board_settings *settings)
{
    struct operators *operators = memory_zeroed(sizeof *operators);
    operators->live = live;
    operators->settings = settings;
    for (size_t i = 0; i < settings->prefix_count; i++) {
        redis_key_init(&operators->keys[i], settings->prefixes[i], REDIS_KEY_OPERATORS);
    }
    return operators;
}

void operators_close(struct operators *operators)
{
    for (size_t i = 0; i < operators->settings->prefix_count; i++) {
        bytes_release(&operators->keys[i]);
    }
    free(operators);
}

static bool send(struct operators *operators, size_t prefix, size_t count,
                 const struct bytes_view *argv, redis_on_reply *on_reply, void *arg)
{
    return redis_send(live_connection(operators->live, prefix), count, argv, on_reply, arg);
}

static bool add(struct operators *operators, size_t prefix, size_t count,
                const struct bytes_view *fields, redis_on_reply *on_reply, void *arg)
{
    struct bytes_view argv[OPERATOR_ENTRY_COMMAND_MAX];
    size_t args = operator_entry_command(bytes_view(&operators->keys[prefix]), count, fields, argv);
    return send(operators, prefix, args, argv, on_reply, arg);
}

static void on_added(const redisReply *reply, void *arg)
{
    struct noting *noting = arg;
    bool is_noted = reply && reply->type == REDIS_REPLY_STRING;
    noting->on_noted(is_noted ? reply->str : NULL, noting->arg);
    free(noting);
}

void operators_intend(struct operators *operators, size_t prefix,
                      const struct operator_intent *intent, operators_on_noted *on_noted, void *arg)
{
    struct noting *noting = memory_zeroed(sizeof *noting);
    *noting = (struct noting){on_noted, arg};
    const struct bytes_view fields[] = {VIEW("action"),
                                        view_of_text(intent->action),
                                        VIEW("operator"),
                                        view_of_text(intent->operator),
                                        VIEW("peer"),
                                        view_of_text(intent->peer),
                                        view_of_text(intent->field),
                                        view_of_text(intent->value)};
    if (!add(operators, prefix, sizeof fields / sizeof fields[0], fields, on_added, noting)) {
        on_added(NULL, noting);
    }
}

static void ignore(const redisReply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

void operators_note_outcome(struct operators *operators, size_t prefix, const char *id,
                            const char *outcome)
{
    const struct bytes_view fields[] = {VIEW("intent"), view_of_text(id), VIEW("outcome"),
                                        view_of_text(outcome)};
    add(operators, prefix, sizeof fields / sizeof fields[0], fields, ignore, NULL);
}

// --- the list -----------------------------------------------------------------------------------

static void put_row(struct json_line *line, const redisReply *row, const char *prefix)
{
    const redisReply *fields = row->element[1];
    json_line_open_element(line);
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        json_line_text(line, fields->element[i]->str, reply_view(fields->element[i + 1]));
    }
    if (prefix) {
        json_line_text(line, "prefix", view_of_text(prefix));
    }
    json_line_close(line, '}');
}

static void answer_list(struct listing *listing)
{
    struct bytes body;
    json_line_close(&listing->line, ']');
    bytes_append_text(&listing->line.text, "}");
    cJSON *tree = cJSON_Parse(bytes_text(&listing->line.text));
    mask_tree(tree);
    bytes_init(&body, LIST_BYTES_MAX);
    json_print(tree, &body);
    board_reply(listing->request, bytes_view(&body));
    cJSON_Delete(tree);
    bytes_release(&body);
}

static void forget(struct listing *listing)
{
    json_line_release(&listing->line);
    free(listing);
}

static void read_next(struct listing *listing);

static void on_list(const redisReply *reply, void *arg)
{
    struct listing *listing = arg;
    const struct board_settings *settings = listing->operators->settings;
    if (!reply_has_shape(reply, REPLY_ROWS)) {
        http_refuse(listing->request, 503, "record_unavailable",
                    reply && reply_is_error(reply) ? reply->str : "Redis did not answer", 1);
        forget(listing);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        put_row(&listing->line, reply->element[i],
                settings->prefix_count > 1 ? settings->prefixes[listing->prefix] : NULL);
    }
    listing->prefix++;
    read_next(listing);
}

static void read_next(struct listing *listing)
{
    struct operators *operators = listing->operators;
    if (listing->prefix == operators->settings->prefix_count) {
        answer_list(listing);
        forget(listing);
        return;
    }
    const struct bytes_view argv[] = {
        VIEW("XREVRANGE"), bytes_view(&operators->keys[listing->prefix]),
        VIEW("+"),         VIEW("-"),
        VIEW("COUNT"),     VIEW(SHOWN)};
    if (!send(operators, listing->prefix, 6, argv, on_list, listing)) {
        http_refuse(listing->request, 503, "record_unavailable", "Redis is away", 1);
        forget(listing);
    }
}

void operators_answer_list(struct operators *operators, struct http_request *request)
{
    struct listing *listing = memory_zeroed(sizeof *listing);
    listing->operators = operators;
    listing->request = request;
    json_line_init(&listing->line);
    json_line_open(&listing->line, "operators", '[');
    read_next(listing);
}
