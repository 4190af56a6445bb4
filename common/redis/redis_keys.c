// See redis_keys.h.
#include "redis_keys.h"

// Each call sets some: formatting them is not worth a printf.
void redis_key_set(struct bytes *key, const char *prefix, enum redis_key name,
                   struct bytes_view rest)
{
#define NAME(upper, text) [REDIS_KEY_##upper] = VIEW(text),
    const struct bytes_view NAMES[REDIS_KEY_COUNT] = {REDIS_KEY_TABLE(NAME)};
#undef NAME
    bytes_clear(key);
    bool fits = bytes_append_text(key, prefix) && bytes_append_view(key, NAMES[name]) &&
                bytes_append_view(key, rest);
    if (!fits) {
        bytes_clear(key);
    }
}

void redis_key_init(struct bytes *key, const char *prefix, enum redis_key name)
{
    bytes_init(key, REDIS_KEY_BYTES_MAX);
    redis_key_set(key, prefix, name, VIEW(""));
}
