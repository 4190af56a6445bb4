// See secret.h. An element is `number=secret` or a secret alone; the "=" of base64 padding stands
// only at the end, which tells the two apart.
#include "secret.h"

#include "bytes.h"
#include "memory.h"
#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 65536

static struct bytes_view trimmed(const char *data, size_t len)
{
    while (len > 0 && *data == ' ') {
        data++;
        len--;
    }
    while (len > 0 && data[len - 1] == ' ') {
        len--;
    }
    return (struct bytes_view){data, len};
}

// The length of the number in front of a secret, or 0.
static size_t number_len(struct bytes_view element)
{
    const char *equals = element.len > 0 ? memchr(element.data, '=', element.len) : NULL;
    size_t len = equals ? (size_t)(equals - element.data) : 0;
    return equals && len + 1 < element.len && equals[1] != '=' ? len : 0;
}

static const char *take(struct bytes_view element, size_t number, char **secret, char **number_out)
{
    char signature[SIGNATURE_TEXT_BYTES + 1];
    size_t skip = number > 0 ? number + 1 : 0;
    *secret = memory_text_of(element.data + skip, element.len - skip);
    *number_out = number > 0 ? memory_text_of(element.data, number) : NULL;
    bool is_usable = signature_sign(*secret, VIEW("1"), VIEW("{}"), signature);
    return is_usable ? NULL : "the secret is not base64: copy it as Daily shows it";
}

const char *secret_choose(const char *list, const char *to, char **secret, char **number)
{
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ",");
        struct bytes_view element = trimmed(at, len);
        size_t number_bytes = number_len(element);
        bool is_for_to = number_bytes == 0 || !to ||
                         view_equal_text((struct bytes_view){element.data, number_bytes}, to);
        if (element.len > 0 && is_for_to) {
            return take(element, number_bytes, secret, number);
        }
        at += len;
        if (*at == '\0') {
            return "no secret in it may sign for the number of --to";
        }
    }
}

char *secret_read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        return NULL;
    }
    char *text = memory_zeroed(FILE_BYTES_MAX);
    size_t len = fread(text, 1, FILE_BYTES_MAX - 1, file);
    fclose(file);
    text[len > 0 && text[len - 1] == '\n' ? len - 1 : len] = '\0';
    return text;
}
