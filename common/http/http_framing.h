// The rules that make the framing of a request unambiguous. libmicrohttpd (0.9.75)
// accepts Content-Length beside Transfer-Encoding, differing Content-Lengths, and names with
// blanks: if a proxy in front reads them differently, one request becomes two. Pure.
#ifndef DIALIN_HTTP_FRAMING_H
#define DIALIN_HTTP_FRAMING_H

#include <stddef.h>

// Plain memory: init, add each header as it comes, ask.
struct http_framing {
    size_t headers;
    size_t bytes; // of all of them, written canonically: "Name: value" and a line's end
    unsigned content_lengths;
    unsigned transfer_encodings;
    unsigned seen; // one bit for each header that may come once
    const char *problem;
};

void http_framing_init(struct http_framing *framing);
void http_framing_add(struct http_framing *framing, const char *name, const char *value);

// Returns a sentence, or NULL if all is well.
const char *http_framing_problem(const struct http_framing *framing);

#endif
