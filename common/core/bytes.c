// See bytes.h. Capacity doubles up to `max`; one byte more is kept for the NUL.
#include "bytes.h"

#include "memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CAPACITY_MIN 64

struct bytes_view view_of_text(const char *text)
{
    return (struct bytes_view){text, text ? strlen(text) : 0};
}

bool view_equal(struct bytes_view a, struct bytes_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool view_equal_text(struct bytes_view a, const char *text)
{
    return view_equal(a, view_of_text(text));
}

bool view_equal_ignoring_case(struct bytes_view a, const char *text)
{
    return a.len == strlen(text) && (a.len == 0 || strncasecmp(a.data, text, a.len) == 0);
}

bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

void view_copy(struct bytes_view view, char *out, size_t size)
{
    size_t len = view.len < size ? view.len : size - 1;
    if (len > 0) {
        memcpy(out, view.data, len);
    }
    out[len] = '\0';
}

void bytes_init(struct bytes *bytes, size_t max)
{
    *bytes = (struct bytes){.max = max};
}

void bytes_release(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){.max = bytes->max};
}

void bytes_clear(struct bytes *bytes)
{
    bytes->len = 0;
    if (bytes->data) {
        bytes->data[0] = '\0';
    }
}

static bool reserve(struct bytes *bytes, size_t more)
{
    if (more > bytes->max - bytes->len) {
        return false;
    }
    size_t needed = bytes->len + more;
    if (needed < bytes->capacity || (bytes->data && needed == bytes->capacity)) {
        return true;
    }
    size_t capacity = bytes->capacity ? bytes->capacity * 2 : CAPACITY_MIN;
    capacity = capacity < needed ? needed : capacity;
    capacity = capacity > bytes->max ? bytes->max : capacity;
    bytes->data = memory_resized(bytes->data, capacity + 1);
    bytes->capacity = capacity;
    return true;
}

char *bytes_extend(struct bytes *bytes, size_t len)
{
    assert(bytes->len <= bytes->max);
    if (!reserve(bytes, len)) {
        return NULL;
    }
    char *added = bytes->data + bytes->len;
    bytes->len += len;
    bytes->data[bytes->len] = '\0';
    return added;
}

bool bytes_append(struct bytes *bytes, const void *data, size_t len)
{
    char *added = bytes_extend(bytes, len);
    if (added && len > 0) {
        memcpy(added, data, len);
    }
    return added;
}

bool bytes_append_view(struct bytes *bytes, struct bytes_view view)
{
    return bytes_append(bytes, view.data, view.len);
}

bool bytes_append_text(struct bytes *bytes, const char *text)
{
    return bytes_append(bytes, text, strlen(text));
}

bool bytes_printf(struct bytes *bytes, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    bool fits = reserve(bytes, (size_t)len);
    if (fits) {
        vsnprintf(bytes->data + bytes->len, (size_t)len + 1, format, again);
        bytes->len += (size_t)len;
    }
    va_end(again);
    return fits;
}

struct bytes_view bytes_view(const struct bytes *bytes)
{
    return (struct bytes_view){bytes->data, bytes->len};
}

const char *bytes_text(const struct bytes *bytes)
{
    return bytes->data ? bytes->data : "";
}
