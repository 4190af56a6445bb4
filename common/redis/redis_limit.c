// See redis_limit.h. Stands between hiredis' parser and the functions that make its values.
#include "redis_limit.h"

static redisReplyObjectFunctions hiredis_functions; // the same for every connection

static bool allow(const redisReadTask *task, size_t values, size_t bytes)
{
    struct redis_limit *limit = task->privdata;
    // A message that Redis sends unasked is an error, which hiredis handles.
    if (!task->parent && *limit->in_flight == 0 && task->type != REDIS_REPLY_ERROR) {
        limit->problem = "an answer that nobody asked for";
        return false;
    }
    limit->values += values;
    limit->bytes += bytes;
    if (limit->values > REDIS_LIMIT_VALUES || limit->bytes > REDIS_LIMIT_BYTES) {
        limit->problem = "an answer that is too large";
        return false;
    }
    return true;
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    return allow(task, 1, len) ? hiredis_functions.createString(task, text, len) : NULL;
}

#if HIREDIS_MAJOR >= 1
typedef size_t array_count;
#else
typedef int array_count;
#endif

static void *make_array(const redisReadTask *task, array_count count)
{
    return allow(task, (size_t)count, 0) ? hiredis_functions.createArray(task, count) : NULL;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    return allow(task, 1, 0) ? hiredis_functions.createInteger(task, value) : NULL;
}

static void *make_nil(const redisReadTask *task)
{
    return allow(task, 1, 0) ? hiredis_functions.createNil(task) : NULL;
}

#if HIREDIS_MAJOR >= 1 // which reads RESP3 too
static void *make_double(const redisReadTask *task, double value, char *text, size_t len)
{
    return allow(task, 1, len) ? hiredis_functions.createDouble(task, value, text, len) : NULL;
}

static void *make_bool(const redisReadTask *task, int value)
{
    return allow(task, 1, 0) ? hiredis_functions.createBool(task, value) : NULL;
}
#endif

static redisReplyObjectFunctions limited_functions = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
#if HIREDIS_MAJOR >= 1
    .createDouble = make_double,
    .createBool = make_bool,
#endif
};

void redis_limit_watch(struct redis_limit *limit, redisReader *reader, const size_t *in_flight)
{
    *limit = (struct redis_limit){.in_flight = in_flight};
    hiredis_functions = *reader->fn;
    limited_functions.freeObject = hiredis_functions.freeObject;
    reader->fn = &limited_functions;
    reader->privdata = limit;
}

void redis_limit_next(struct redis_limit *limit)
{
    limit->values = 0;
    limit->bytes = 0;
}

bool redis_limit_is_passed(struct redis_limit *limit, const redisReader *reader)
{
    if (reader->len - reader->pos > REDIS_LIMIT_VALUE_BYTES) {
        limit->problem = "an answer that is too large";
        return true;
    }
    return false;
}
