// See auth.h. The codes are CONTRACT's three, and nothing finer.
#include "auth.h"

#include <string.h>
#include <strings.h>

#define MISSING "missing_signature"
#define INVALID "invalid_signature"
#define STALE "stale_timestamp"
#define BEARER "Bearer "

bool sender_has_credentials(const struct sender_credentials *credentials)
{
    return credentials->timestamp || credentials->signature || credentials->authorization;
}

static bool key_is_good(const char *api_key, const char *authorization)
{
    size_t len = strlen(BEARER);
    return api_key && !strncasecmp(authorization, BEARER, len) &&
           signature_same_secret(view_of_text(authorization + len), view_of_text(api_key));
}

static const char *failure_of_signature(struct sender *sender, const struct sender_rules *rules,
                                        const struct sender_credentials *credentials,
                                        struct bytes_view body, uint64_t now_ms)
{
    if (!credentials->timestamp || !credentials->signature) {
        return MISSING;
    }
    if (!rules->secrets) {
        return INVALID;
    }
    switch (signature_check(rules->secrets, view_of_text(credentials->timestamp),
                            view_of_text(credentials->signature), body, now_ms, &sender->match)) {
    case SIGNATURE_GOOD:
        return NULL;
    case SIGNATURE_WRONG:
        return INVALID;
    case SIGNATURE_STALE:
        return STALE;
    }
    return INVALID;
}

void sender_prove(struct sender *sender, const struct sender_rules *rules,
                  const struct sender_credentials *credentials, struct bytes_view body,
                  uint64_t now_ms)
{
    sender->failure = NULL;
    sender->has_key = false;
    sender->is_unsigned = rules->allow_unsigned;
    if (sender->is_unsigned) {
        return;
    }
    if (credentials->timestamp || credentials->signature) {
        sender->failure = failure_of_signature(sender, rules, credentials, body, now_ms);
    } else if (!credentials->authorization) {
        sender->failure = MISSING;
    } else {
        sender->has_key = key_is_good(rules->api_key, credentials->authorization);
        sender->failure = sender->has_key ? NULL : INVALID;
    }
}

const char *sender_trespass(const struct sender *sender, const struct sender_rules *rules,
                            enum webhook_kind kind, const char *to)
{
    if (sender->is_unsigned) {
        return NULL;
    }
    if (sender->has_key) {
        return kind == WEBHOOK_DIALOUT ? NULL : MISSING;
    }
    return signature_allows(rules->secrets, &sender->match, to[0] ? to : NULL) ? NULL : INVALID;
}
