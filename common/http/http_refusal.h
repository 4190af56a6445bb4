// How every refusal looks: {"error":"<sentence>","code":"<code>"}. Pure.
#ifndef DIALIN_HTTP_REFUSAL_H
#define DIALIN_HTTP_REFUSAL_H

#include "bytes.h"

// The body of a refusal; the caller releases it.
struct bytes http_refusal_body(const char *code, const char *sentence);

// A whole answer, head and body, for a moment at which the server can give none.
struct bytes http_refusal_answer(const char *status_line, const char *code, const char *sentence);

#endif
