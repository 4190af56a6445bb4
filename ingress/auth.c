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

static bool clocks_differ(const struct sender_clock *clock)
{
    uint64_t apart_ms = clock->host_ms > clock->redis_ms ? clock->host_ms - clock->redis_ms
                                                         : clock->redis_ms - clock->host_ms;
    return apart_ms > SENDER_CLOCKS_APART_MS;
}

static const char *look_at_signature(const struct sender_rules *rules,
                                     const struct sender_credentials *credentials,
                                     const struct sender_clock *clock)
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

const char *sender_refuse_at_head(const struct sender_rules *rules,
                                  const struct sender_credentials *credentials,
                                  const struct sender_clock *clock)
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

static enum signature_verdict check_signature(struct sender *sender,
                                              const struct sender_rules *rules,
                                              const struct sender_credentials *credentials,
                                              struct bytes_view body,
                                              const struct sender_clock *clock)
{
    const struct bytes_view timestamp = view_of_text(credentials->timestamp);
    const struct bytes_view signature = view_of_text(credentials->signature);
    enum signature_verdict verdict =
        signature_check(rules->secrets, timestamp, signature, body, clock->host_ms, &sender->match);
    if (verdict == SIGNATURE_STALE && clocks_differ(clock)) {
        verdict = signature_check(rules->secrets, timestamp, signature, body, clock->redis_ms,
                                  &sender->match);
    }
    return verdict;
}

static const char *failure_of_signature(struct sender *sender, const struct sender_rules *rules,
                                        const struct sender_credentials *credentials,
                                        struct bytes_view body, const struct sender_clock *clock)
{
    if (!credentials->timestamp || !credentials->signature) {
        return MISSING;
    }
    if (!rules->secrets) {
        return INVALID;
    }
    switch (check_signature(sender, rules, credentials, body, clock)) {
    case SIGNATURE_GOOD:
        sender->is_genuine = true;
        return NULL;
    case SIGNATURE_WRONG:
        return INVALID;
    case SIGNATURE_STALE:
        sender->is_genuine = true;
        return STALE;
    }
    return INVALID;
}

void sender_prove(struct sender *sender, const struct sender_rules *rules,
                  const struct sender_credentials *credentials, struct bytes_view body,
                  const struct sender_clock *clock)
{
    sender->failure = NULL;
    sender->has_key = false;
    sender->is_genuine = false;
    sender->match.any_number = false;
    sender->match.count = 0;
    sender->is_unsigned = rules->allow_unsigned;
    if (sender->is_unsigned) {
        return;
    }
    if (credentials->timestamp || credentials->signature) {
        sender->failure = failure_of_signature(sender, rules, credentials, body, clock);
    } else if (!credentials->authorization) {
        sender->failure = MISSING;
    } else {
        sender->has_key = key_is_good(rules->api_key, credentials->authorization);
        sender->failure = sender->has_key ? NULL : INVALID;
        sender->is_genuine = sender->has_key;
    }
}

const char *sender_signed_for(const struct sender *sender, const struct sender_rules *rules)
{
    return sender->match.count > 0 ? signature_tied_to(rules->secrets, &sender->match) : "";
}

void sender_name(const struct sender *sender, const struct sender_rules *rules,
                 char out[SIGNATURE_NAME_BYTES])
{
    if (sender->match.count > 0) {
        signature_name(rules->secrets, &sender->match, out);
    } else {
        view_copy(sender->has_key ? VIEW("INGRESS_API_KEY") : VIEW(""), out, SIGNATURE_NAME_BYTES);
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
    if (kind == WEBHOOK_DIALOUT) {
        return sender->match.any_number ? NULL : INVALID;
    }
    return signature_allows(rules->secrets, &sender->match, to) ? NULL : INVALID;
}
