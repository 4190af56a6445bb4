// See redis_words.h.
#include "redis_words.h"

void redis_key_init(struct bytes *key, const char *prefix, const char *name)
{
    redis_key_init_empty(key);
    bytes_printf(key, "%s:%s", prefix, name);
}

void redis_key_init_empty(struct bytes *key)
{
    bytes_init(key, REDIS_KEY_BYTES_MAX);
}

// Each call sets some: formatting them is not worth a printf.
void redis_key_set(struct bytes *key, const char *prefix, const char *kind, struct bytes_view name)
{
    bytes_clear(key);
    bool fits = bytes_append_text(key, prefix) && bytes_append(key, ":", 1) &&
                bytes_append_text(key, kind) && bytes_append(key, ":", 1) &&
                bytes_append_view(key, name);
    if (!fits) {
        bytes_clear(key);
    }
}

struct bytes_view redis_number(char text[REDIS_NUMBER_BYTES], uint64_t value)
{
    char *at = text + REDIS_NUMBER_BYTES;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return (struct bytes_view){at, (size_t)(text + REDIS_NUMBER_BYTES - at)};
}

// RESP, as every server takes it: *<arguments>, and for each $<length> and its bytes.
static bool append_head(struct bytes *out, char kind, size_t number)
{
    char text[REDIS_NUMBER_BYTES];
    return bytes_append(out, &kind, 1) && bytes_append_view(out, redis_number(text, number)) &&
           bytes_append(out, "\r\n", 2);
}

bool redis_word_append(struct bytes *out, struct bytes_view word)
{
    return append_head(out, '$', word.len) && bytes_append_view(out, word) &&
           bytes_append(out, "\r\n", 2);
}

bool redis_command_append(struct bytes *out, size_t argc, const struct bytes_view *argv,
                          size_t more)
{
    bool fits = append_head(out, '*', argc + more);
    for (size_t i = 0; i < argc; i++) {
        fits = fits && redis_word_append(out, argv[i]);
    }
    return fits;
}
