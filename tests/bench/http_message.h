// Where an HTTP/1.1 message ends, for the programs of the benchmark, which meet well-formed ones.
#ifndef DIALIN_HTTP_MESSAGE_H
#define DIALIN_HTTP_MESSAGE_H

#include <stddef.h>

// The length of the message at the start of `data`, head and body; 0 while it is incomplete.
size_t http_message_len(const char *data, size_t len);

// The value of a header in a whole message: up to the end of its line. `name` ends with a colon.
// NULL where it is absent.
const char *http_message_header(const char *data, size_t len, const char *name);

#endif
