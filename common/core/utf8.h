// UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
#ifndef DIALIN_UTF8_H
#define DIALIN_UTF8_H

#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" // U+FFFD, for bytes that are not UTF-8

// The length of the sequence that begins at `at`, of at most `left` bytes (1 or more); 0: there is
// none.
size_t utf8_len(const char *at, size_t left);

#endif
