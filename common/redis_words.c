// See redis_words.h.
#include "redis_words.h"

#include <stdio.h>

void redis_key_init(struct bytes *key, const char *prefix, const char *name)
{
    redis_key_init_empty(key);
    bytes_printf(key, "%s:%s", prefix, name);
}

void redis_key_init_empty(struct bytes *key)
{
    bytes_init(key, REDIS_KEY_BYTES_MAX);
}

void redis_key_set(struct bytes *key, const char *prefix, const char *kind, struct bytes_view name)
{
    bytes_clear(key);
    bytes_printf(key, "%s:%s:%.*s", prefix, kind, (int)name.len, name.data);
}

struct bytes_view redis_number(char text[REDIS_NUMBER_BYTES], uint64_t value)
{
    snprintf(text, REDIS_NUMBER_BYTES, "%llu", (unsigned long long)value);
    return view_of_text(text);
}
