// See memory.h. Allocation failures end the process in or_abort(), and only there.
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
    if (!memory) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_zeroed(size_t size)
{
    return or_abort(calloc(1, size > 0 ? size : 1));
}

void *memory_resized(void *old, size_t size)
{
    return or_abort(realloc(old, size > 0 ? size : 1));
}

char *memory_text_of(const char *data, size_t len)
{
    char *text = or_abort(malloc(len + 1));
    if (len > 0) {
        memcpy(text, data, len);
    }
    text[len] = '\0';
    return text;
}

char *memory_text(const char *text)
{
    return memory_text_of(text, strlen(text));
}

void memory_wipe(void *data, size_t size)
{
    if (data) {
        explicit_bzero(data, size);
    }
}
