// Sees the bytes that libmicrohttpd reads from its sockets, before it parses them.
//
// libmicrohttpd parses a head in place and reports only its own reading of it: a NUL and a bare LF
// look like a line's end afterwards. It offers no access to the bytes that came. It does read
// through the dynamic symbol recv(), and the dynamic linker looks for that in the program first. So
// http_tap.c defines recv(), which reads as before and shows the bytes to the tap, if one is set.
// If a version of libmicrohttpd reads in another way, no bytes are seen, and each connection is
// closed after its first answer, because its head cannot be compared (http_head.h).
#ifndef DIALIN_HTTP_TAP_H
#define DIALIN_HTTP_TAP_H

#include <stddef.h>

typedef void http_on_bytes(int fd, const char *data, size_t len, void *arg);

// From here to http_tap_remove() whatever this thread reads with recv() is shown to `on_bytes`.
void http_tap_set(http_on_bytes *on_bytes, void *arg);
void http_tap_remove(void);

#endif
