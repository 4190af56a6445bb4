// Memory that is always there: a failed allocation aborts the process, here and nowhere else.
// Safe for a queue: the sender repeats a webhook that was not acknowledged, and the stream
// redelivers one that was.
#ifndef DIALIN_MEMORY_H
#define DIALIN_MEMORY_H

#include <stddef.h>

// Zeroed memory; the caller frees it with free().
void *memory_zeroed(size_t size);

// Like realloc(); new bytes are not zeroed.
void *memory_resized(void *old, size_t size);

// Copies of text; the caller frees them with free().
char *memory_text(const char *text);
char *memory_text_of(const char *data, size_t len);

// Overwrites a secret before its memory is given back; NULL is allowed. Does not free.
void memory_wipe(void *data, size_t size);

#endif
