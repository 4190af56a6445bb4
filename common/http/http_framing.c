// See http_framing.h. The first problem found is the one that is told.
#include "http_framing.h"

#include "http_server.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18

static const char *const ONCE[] = {"Content-Length",      "Transfer-Encoding",   "Host",
                                   "X-Pinless-Timestamp", "X-Pinless-Signature", "Authorization",
                                   "Idempotency-Key"};

void http_framing_init(struct http_framing *framing)
{
    memset(framing, 0, sizeof *framing);
}

static bool is_token(const char *name)
{
    const char *c = name;
    while ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
           (*c && strchr("-!#$%&'*+.^_`|~", *c))) {
        c++;
    }
    return c > name && *c == '\0';
}

static bool has_control_byte(const char *value)
{
    for (const char *c = value; *c; c++) {
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

// libmicrohttpd glues a folded line to the name: "Content-Length:\r\n 5" becomes "Content-Length5".
static bool is_glued(const char *name)
{
    static const char *const NAMES[] = {"Content-Length", "Transfer-Encoding"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        size_t len = strlen(NAMES[i]);
        if (!strncasecmp(name, NAMES[i], len) && name[len]) {
            return true;
        }
    }
    return false;
}

static const char *problem_of(struct http_framing *framing, const char *name, const char *value)
{
    if (framing->headers > HTTP_HEADERS_MAX) {
        return "there are more than 64 headers";
    }
    if (framing->bytes > HTTP_HEAD_BYTES_MAX) {
        return "the headers are longer than 8 KiB";
    }
    if (!is_token(name) || is_glued(name)) {
        return "a header's name has characters that names may not have";
    }
    if (has_control_byte(value)) {
        return "a header's value has control bytes";
    }
    for (unsigned i = 0; i < sizeof ONCE / sizeof ONCE[0]; i++) {
        if (!strcasecmp(name, ONCE[i])) {
            if (framing->seen & 1U << i) {
                return "a header is repeated that may come once";
            }
            framing->seen |= 1U << i;
        }
    }
    if (!strcasecmp(name, "Content-Length")) {
        size_t len = strspn(value, "0123456789");
        framing->content_lengths++;
        if (len == 0 || value[len] || len > LENGTH_DIGITS_MAX) {
            return "Content-Length must be a number";
        }
    }
    if (!strcasecmp(name, "Transfer-Encoding")) {
        framing->transfer_encodings++;
        if (strcasecmp(value, "chunked") != 0) {
            return "Transfer-Encoding must be chunked";
        }
    }
    if (framing->content_lengths && framing->transfer_encodings) {
        return "Content-Length and Transfer-Encoding exclude each other";
    }
    return NULL;
}

void http_framing_add(struct http_framing *framing, const char *name, const char *value)
{
    framing->headers++;
    framing->bytes += strlen(name) + (value ? strlen(value) : 0) + 4;
    if (!framing->problem) {
        framing->problem = problem_of(framing, name, value ? value : "");
    }
}

const char *http_framing_problem(const struct http_framing *framing)
{
    return framing->problem;
}
