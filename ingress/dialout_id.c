// See dialout_id.h. `~` is ours: it separates a call's id from the suffix of a repetition (~r1,
// ~cb).
#include "dialout_id.h"

#include "signature.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DERIVED_HEX 32
#define RANDOM_BYTES 16

static const char *take_key(const char *key, const char *sentence, char id[DIALOUT_ID_BYTES])
{
    const struct bytes_view view = view_of_text(key);
    if (!webhook_call_id_is_valid(view, WEBHOOK_CALL_ID_BYTES_MAX) ||
        memchr(view.data, '~', view.len)) {
        return sentence;
    }
    view_copy(view, id, DIALOUT_ID_BYTES);
    return NULL;
}

static void derive(const struct dialout_request *request, char id[DIALOUT_ID_BYTES])
{
    char digest[SIGNATURE_SHA256_HEX];
    struct bytes text;
    bytes_init(&text, request->timestamp.len + 1 + request->body.len);
    bytes_append_view(&text, request->timestamp);
    bytes_append_text(&text, ".");
    bytes_append_view(&text, request->body);
    signature_sha256(bytes_view(&text), digest);
    bytes_release(&text);
    snprintf(id, DIALOUT_ID_BYTES, "out-%.*s", DERIVED_HEX, digest);
}

static void make_random(char id[DIALOUT_ID_BYTES])
{
    unsigned char random[RANDOM_BYTES];
    ssize_t got = getrandom(random, sizeof random, 0);
    assert(got == sizeof random);
    (void)got;
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    }
}

const char *dialout_id_choose(const struct dialout_request *request, char id[DIALOUT_ID_BYTES])
{
    if (request->is_signed && request->body_key) {
        return take_key(request->body_key,
                        "idempotency_key must be 1 to 128 printable ASCII characters without ~",
                        id);
    }
    if (!request->is_signed && request->header) {
        return take_key(request->header,
                        "Idempotency-Key must be 1 to 128 printable ASCII characters without ~",
                        id);
    }
    if (request->is_signed) {
        derive(request, id);
    } else {
        make_random(id);
    }
    return NULL;
}
