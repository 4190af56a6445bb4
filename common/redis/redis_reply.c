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

bool reply_is_list(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY;
}

const redisReply *reply_member(const redisReply *fields, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; reply_is_list(fields) && i + 1 < fields->elements; i += 2) {
        const redisReply *field = fields->element[i];
        if (field->len == len && field->str && !memcmp(field->str, name, len)) {
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
