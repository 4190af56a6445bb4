// Any bytes to be recorded: what was JSON stays JSON, and the known secrets are seen nowhere,
// neither in the text nor in what its strings mean.
#include "json.h"
#include "redact.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define TEXT_BYTES_MAX (64 * (size_t)(1 << 20))
#define SHORT_BYTES_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// None of these can begin within a \u escape, which means something else.
static const char *const SECRETS[] = {"pk_live/0123", "pk_live/0123-longer", "a\"b\\c/d", "-987.25",
                                      "p\xc3\xa4ss"};

#define SECRET_COUNT (sizeof SECRETS / sizeof SECRETS[0])

static const struct redact_secrets *secrets(void)
{
    static struct redact_secrets *known;
    for (size_t i = known ? SECRET_COUNT : 0; i < SECRET_COUNT; i++) {
        known = known ? known : redact_secrets_new();
        redact_secrets_add(known, SECRETS[i]);
    }
    return known;
}

// As the value of a member: so that any JSON will do, and names may be repeated.
static bool parse(struct json_document *document, struct bytes_view text, struct bytes *wrapped)
{
    bytes_clear(wrapped);
    assert(bytes_append_text(wrapped, "{\"a\":") && bytes_append_view(wrapped, text) &&
           bytes_append_text(wrapped, "}"));
    return !json_parse(document, bytes_view(wrapped)) && document->member_count == 1;
}

static void check_not_seen(const char *text, size_t len)
{
    for (size_t i = 0; i < SECRET_COUNT; i++) {
        assert(!memmem(text, len, SECRETS[i], strlen(SECRETS[i])));
    }
}

static void check_meanings(const cJSON *tree)
{
    for (const cJSON *value = tree; value; value = value->next) {
        if (value->string) {
            check_not_seen(value->string, strlen(value->string));
        }
        if (cJSON_IsString(value)) {
            check_not_seen(value->valuestring, strlen(value->valuestring));
        }
        check_meanings(value->child);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes_view text = {(const char *)data, size};
    struct json_document document = {.tree = NULL}, redacted = {.tree = NULL};
    struct bytes out, wrapped, cut;
    bytes_init(&out, TEXT_BYTES_MAX);
    bytes_init(&wrapped, TEXT_BYTES_MAX);
    bytes_init(&cut, SHORT_BYTES_MAX);
    redact(text, secrets(), &out);
    check_not_seen(bytes_text(&out), out.len);
    if (parse(&document, text, &wrapped)) {
        assert(parse(&redacted, bytes_view(&out), &wrapped));
        check_meanings(redacted.tree);
    }
    redact(text, secrets(), &cut);
    check_not_seen(bytes_text(&cut), cut.len);
    assert(cut.len <= out.len && (cut.len == 0 || !memcmp(cut.data, out.data, cut.len)));
    json_release(&document);
    json_release(&redacted);
    bytes_release(&out);
    bytes_release(&wrapped);
    bytes_release(&cut);
    return 0;
}
