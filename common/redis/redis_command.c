// See redis_command.h.
#include "redis_command.h"

#include <string.h>

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
static char *write_head(char *at, char kind, struct bytes_view number)
{
    *at++ = kind;
    at = mempcpy(at, number.data, number.len);
    return mempcpy(at, "\r\n", 2);
}

bool redis_arg_append(struct bytes *out, struct bytes_view arg)
{
    char text[REDIS_NUMBER_BYTES];
    const struct bytes_view number = redis_number(text, arg.len);
    char *at = bytes_extend(out, 1 + number.len + 2 + arg.len + 2);
    if (!at) {
        return false;
    }
    at = write_head(at, '$', number);
    at = arg.len > 0 ? mempcpy(at, arg.data, arg.len) : at;
    memcpy(at, "\r\n", 2);
    return true;
}

bool redis_command_append(struct bytes *out, size_t argc, const struct bytes_view *argv,
                          size_t more)
{
    char text[REDIS_NUMBER_BYTES];
    const struct bytes_view number = redis_number(text, argc + more);
    char *at = bytes_extend(out, 1 + number.len + 2);
    bool fits = at && write_head(at, '*', number);
    for (size_t i = 0; i < argc; i++) {
        fits = fits && redis_arg_append(out, argv[i]);
    }
    return fits;
}
