// See redirect.h. A backslash is read as a slash, as browsers do: `http:\\user:pw@host` has a
// password too.
#include "redirect.h"

#include <stdio.h>
#include <string.h>

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

// The length up to the first of `ends`.
static size_t length_until(struct bytes_view text, const char *ends)
{
    size_t len = 0;
    while (len < text.len && (!text.data[len] || !strchr(ends, text.data[len]))) {
        len++;
    }
    return len;
}

static struct bytes_view without(struct bytes_view text, size_t len)
{
    return (struct bytes_view){text.data + len, text.len - len};
}

static struct bytes_view without_scheme_and_user(struct bytes_view url)
{
    size_t scheme_len = length_until(url, ":/\\");
    struct bytes_view rest = url;
    if (scheme_len < url.len && url.data[scheme_len] == ':') {
        rest = without(url, scheme_len + 1);
    }
    if (rest.len < 2 || !is_slash(rest.data[0]) || !is_slash(rest.data[1])) {
        return url;
    }
    rest = without(rest, 2);
    for (size_t i = length_until(rest, "/\\"); i > 0; i--) {
        if (rest.data[i - 1] == '@') {
            return without(rest, i);
        }
    }
    return rest;
}

void redirect_target(struct bytes_view location, char out[REDIRECT_TARGET_BYTES])
{
    size_t len = 0;
    location.len = length_until(location, "?#");
    struct bytes_view target = without_scheme_and_user(location);
    for (size_t i = 0; i < target.len && len + 4 <= REDIRECT_TARGET_BYTES; i++) {
        unsigned char byte = (unsigned char)target.data[i];
        if (byte > ' ' && byte < 0x7f) {
            out[len++] = (char)byte;
        } else {
            len += (size_t)snprintf(out + len, 4, "%%%02X", byte);
        }
    }
    out[len] = '\0';
}
