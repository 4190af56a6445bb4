// See redis_reply.h.
#include "redis_reply.h"

#include <string.h>

enum redis_error redis_error_of(const redisReply *reply)
{
    static const struct {
        const char *code;
        enum redis_error error;
    } TABLE[] = {
        {"OOM", REDIS_AGAIN},           {"BUSY", REDIS_AGAIN},
        {"TRYAGAIN", REDIS_AGAIN},      {"NOREPLICAS", REDIS_AGAIN},
        {"MISCONF", REDIS_AGAIN},       {"READONLY", REDIS_ELSEWHERE},
        {"LOADING", REDIS_ELSEWHERE},   {"MASTERDOWN", REDIS_ELSEWHERE},
        {"UNBLOCKED", REDIS_ELSEWHERE}, {"NOAUTH", REDIS_REFUSED},
        {"NOPERM", REDIS_REFUSED},      {"WRONGPASS", REDIS_REFUSED},
        {"NOSCRIPT", REDIS_NOSCRIPT},   {"NOGROUP", REDIS_NOGROUP},
        {"MOVED", REDIS_ELSEWHERE},     {"ASK", REDIS_AGAIN},
        {"CLUSTERDOWN", REDIS_AGAIN},
    };
    if (reply->type != REDIS_REPLY_ERROR) {
        return REDIS_FINE;
    }
    size_t len = strcspn(reply->str, " ");
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (strlen(TABLE[i].code) == len && !strncmp(reply->str, TABLE[i].code, len)) {
            return TABLE[i].error;
        }
    }
    return REDIS_WRONG;
}

bool redis_error_is_moved(const redisReply *reply)
{
    static const char MOVED[] = "MOVED ";
    return reply->type == REDIS_REPLY_ERROR && !strncmp(reply->str, MOVED, sizeof MOVED - 1);
}

bool reply_is_error(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR;
}

bool reply_is_list(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY;
}

bool reply_is_list_of(const redisReply *reply, size_t count)
{
    return reply_is_list(reply) && reply->elements == count;
}

size_t reply_count(const redisReply *reply)
{
    return reply_is_list(reply) ? reply->elements : 0;
}

const redisReply *reply_at(const redisReply *reply, size_t index, int type)
{
    const redisReply *member = index < reply_count(reply) ? reply->element[index] : NULL;
    return member && (type == REPLY_ANY || member->type == type) ? member : NULL;
}

bool reply_integer(const redisReply *reply, int64_t min, int64_t max, int64_t *out)
{
    bool is_good = reply && reply->type == REDIS_REPLY_INTEGER && reply->integer >= min &&
                   reply->integer <= max;
    if (is_good) {
        *out = reply->integer;
    }
    return is_good;
}

int64_t reply_integer_at(const redisReply *reply, size_t index, int64_t min, int64_t max,
                         int64_t fallback)
{
    int64_t value = fallback;
    reply_integer(reply_at(reply, index, REDIS_REPLY_INTEGER), min, max, &value);
    return value;
}

// --- shapes -------------------------------------------------------------------------------------

// Past one shape.
static const char *after(const char *shape)
{
    size_t depth = 0;
    while (*shape == '?') {
        shape++;
    }
    do {
        depth += *shape == '(' || *shape == '[' || *shape == '<';
        depth -= *shape == ')' || *shape == ']' || *shape == '>';
        shape++;
    } while (depth > 0);
    return shape;
}

static bool is_list_of_these(const redisReply *reply, const char *shapes)
{
    size_t i = 0;
    for (; *shapes != ')'; shapes = after(shapes), i++) {
        if (i == reply->elements || !reply_has_shape(reply->element[i], shapes)) {
            return false;
        }
    }
    return i == reply->elements;
}

static bool is_list_of_one_kind(const redisReply *reply, const char *shape)
{
    for (size_t i = 0; i < reply->elements; i++) {
        if (!reply_has_shape(reply->element[i], shape)) {
            return false;
        }
    }
    return true;
}

bool reply_has_shape(const redisReply *reply, const char *shape)
{
    if (!reply) {
        return false;
    }
    switch (*shape) {
    case 's':
        return reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    case 'i':
        return reply->type == REDIS_REPLY_INTEGER && reply->integer >= -REPLY_NUMBER_MAX &&
               reply->integer <= REPLY_NUMBER_MAX;
    case 'n':
        return reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0 &&
               reply->integer <= REPLY_NUMBER_MAX;
    case '?':
        return reply->type == REDIS_REPLY_NIL || reply_has_shape(reply, shape + 1);
    case '(':
        return reply_is_list(reply) && is_list_of_these(reply, shape + 1);
    case '[':
        return reply_is_list(reply) && is_list_of_one_kind(reply, shape + 1);
    case '<':
        return reply_is_list(reply) && reply->elements % 2 == 0 &&
               is_list_of_one_kind(reply, shape + 1);
    default:
        return true; // .
    }
}

// --- names and values ---------------------------------------------------------------------------

const redisReply *reply_member(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < reply_count(fields); i += 2) {
        if (view_equal_text(reply_view_at(fields, i), name)) {
            return fields->element[i + 1];
        }
    }
    return NULL;
}

struct bytes_view reply_view(const redisReply *reply)
{
    bool is_text =
        reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
    return is_text ? (struct bytes_view){reply->str, reply->len} : (struct bytes_view){NULL, 0};
}

struct bytes_view reply_view_at(const redisReply *reply, size_t index)
{
    return reply_view(reply_at(reply, index, REPLY_ANY));
}

bool reply_copy(const redisReply *reply, char *out, size_t size)
{
    struct bytes_view text = reply_view(reply);
    bool is_good = text.data && text.len < size && !memchr(text.data, '\0', text.len);
    view_copy(is_good ? text : (struct bytes_view){NULL, 0}, out, size);
    return is_good;
}

struct bytes_view reply_field(const redisReply *fields, const char *name)
{
    return reply_view(reply_member(fields, name));
}

uint64_t view_number(struct bytes_view digits)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || i == 19) {
            return 0;
        }
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return number;
}
