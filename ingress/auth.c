// See auth.h. The codes are CONTRACT's three, and nothing finer.
#include "auth.h"

#include <string.h>
#include <strings.h>

#define MISSING "missing_signature"
#define INVALID "invalid_signature"
#define STALE "stale_timestamp"
#define BEARER "Bearer "

static bool key_is_good(const char *api_key, const char *authorization)
{
    size_t len = strlen(BEARER);
    return api_key && !strncasecmp(authorization, BEARER, len) &&
           signature_same_secret(view_of_text(authorization + len), view_of_text(api_key));
}

static bool clocks_differ(const struct auth_clocks *clock)
{
    uint64_t apart_ms = clock->host_ms > clock->redis_ms ? clock->host_ms - clock->redis_ms
                                                         : clock->redis_ms - clock->host_ms;
    return apart_ms > AUTH_CLOCKS_APART_MS;
}

static const char *look_at_signature(const struct auth_rules *rules,
                                     const struct auth_credentials *credentials,
                                     const struct auth_clocks *clock)
{
    struct bytes_view timestamp = view_of_text(credentials->timestamp);
    struct bytes_view signature = view_of_text(credentials->signature);
    if (!credentials->timestamp || !credentials->signature) {
        return MISSING;
    }
    enum signature_verdict by_host = signature_look(timestamp, signature, clock->host_ms);
    if (!rules->secrets || by_host == SIGNATURE_WRONG) {
        return INVALID;
    }
    bool is_fresh = by_host == SIGNATURE_GOOD ||
                    (clocks_differ(clock) &&
                     signature_look(timestamp, signature, clock->redis_ms) == SIGNATURE_GOOD);
    return is_fresh ? NULL : STALE;
}

const char *auth_refuse_at_head(const struct auth_rules *rules,
                                const struct auth_credentials *credentials,
                                const struct auth_clocks *clock)
{
    if (rules->allow_unsigned) {
        return NULL;
    }
    if (credentials->timestamp || credentials->signature) {
        return look_at_signature(rules, credentials, clock);
    }
    if (!credentials->authorization) {
        return MISSING;
    }
    return key_is_good(rules->api_key, credentials->authorization) ? NULL : INVALID;
}

static enum signature_verdict check_signature(struct auth *auth, const struct auth_rules *rules,
                                              const struct auth_credentials *credentials,
                                              struct bytes_view body,
                                              const struct auth_clocks *clock)
{
    const struct bytes_view timestamp = view_of_text(credentials->timestamp);
    const struct bytes_view signature = view_of_text(credentials->signature);
    enum signature_verdict verdict =
        signature_check(rules->secrets, timestamp, signature, body, clock->host_ms, &auth->match);
    if (verdict == SIGNATURE_STALE && clocks_differ(clock)) {
        verdict = signature_check(rules->secrets, timestamp, signature, body, clock->redis_ms,
                                  &auth->match);
    }
    return verdict;
}

static const char *failure_of_signature(struct auth *auth, const struct auth_rules *rules,
                                        const struct auth_credentials *credentials,
                                        struct bytes_view body, const struct auth_clocks *clock)
{
    if (!credentials->timestamp || !credentials->signature) {
        return MISSING;
    }
    if (!rules->secrets) {
        return INVALID;
    }
    switch (check_signature(auth, rules, credentials, body, clock)) {
    case SIGNATURE_GOOD:
        auth->is_genuine = true;
        return NULL;
    case SIGNATURE_WRONG:
        return INVALID;
    case SIGNATURE_STALE:
        auth->is_genuine = true;
        return STALE;
    }
    return INVALID;
}

void auth_check(struct auth *auth, const struct auth_rules *rules,
                const struct auth_credentials *credentials, struct bytes_view body,
                const struct auth_clocks *clock)
{
    auth->failure = NULL;
    auth->has_key = false;
    auth->is_genuine = false;
    auth->match.any_number = false;
    auth->match.count = 0;
    auth->is_unsigned = rules->allow_unsigned;
    if (auth->is_unsigned) {
        return;
    }
    if (credentials->timestamp || credentials->signature) {
        auth->failure = failure_of_signature(auth, rules, credentials, body, clock);
    } else if (!credentials->authorization) {
        auth->failure = MISSING;
    } else {
        auth->has_key = key_is_good(rules->api_key, credentials->authorization);
        auth->failure = auth->has_key ? NULL : INVALID;
        auth->is_genuine = auth->has_key;
    }
}

const char *auth_signed_for(const struct auth *auth, const struct auth_rules *rules)
{
    return auth->match.count > 0 ? signature_tied_to(rules->secrets, &auth->match) : "";
}

void auth_name(const struct auth *auth, const struct auth_rules *rules,
               char out[SIGNATURE_NAME_BYTES])
{
    if (auth->match.count > 0) {
        signature_name(rules->secrets, &auth->match, out);
    } else {
        view_copy(auth->has_key ? VIEW("INGRESS_API_KEY") : VIEW(""), out, SIGNATURE_NAME_BYTES);
    }
}

const char *auth_authorize(const struct auth *auth, const struct auth_rules *rules,
                           enum webhook_kind kind, const char *to)
{
    if (auth->is_unsigned) {
        return NULL;
    }
    if (auth->has_key) {
        return kind == WEBHOOK_DIALOUT ? NULL : MISSING;
    }
    if (kind == WEBHOOK_DIALOUT) {
        return auth->match.any_number ? NULL : INVALID;
    }
    return signature_allows(rules->secrets, &auth->match, to) ? NULL : INVALID;
}
