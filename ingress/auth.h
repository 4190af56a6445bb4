// Is the sender of a request genuine, and which kinds may they send? Pure: the headers and
// the time come in.
#ifndef DIALIN_AUTH_H
#define DIALIN_AUTH_H

#include "bytes.h"
#include "signature.h"
#include "webhook_entry.h"

#include <stdbool.h>
#include <stdint.h>

// The secrets and keys in force. Borrowed.
struct auth_rules {
    const struct signature_secrets *secrets; // NULL: none
    const char *api_key;                     // for dial-outs of one's own application; NULL: none
    bool allow_unsigned;
};

// The time by the host's clock and by Redis'. If they are over AUTH_CLOCKS_APART_MS apart, one of
// them has stepped, and a timestamp is fresh by either of them.
#define AUTH_CLOCKS_APART_MS 1000
struct auth_clocks {
    uint64_t host_ms;
    uint64_t redis_ms;
};

// The headers of a request; NULL if absent.
struct auth_credentials {
    const char *timestamp;     // X-Pinless-Timestamp
    const char *signature;     // X-Pinless-Signature
    const char *authorization; // Authorization
};

// Plain memory; the result of auth_check.
struct auth {
    bool is_genuine;     // a good signature or key; its timestamp may be stale
    const char *failure; // the code of the refusal; NULL: genuine
    bool has_key;        // proved by the bearer key
    bool is_unsigned;    // nothing was asked for
    struct signature_match match;
};

// The code of the refusal if these headers cannot be right, whatever the body is; else NULL.
const char *auth_refuse_at_head(const struct auth_rules *rules,
                                const struct auth_credentials *credentials,
                                const struct auth_clocks *clock);

// A signature that is there is always checked, whatever else is.
void auth_check(struct auth *auth, const struct auth_rules *rules,
                const struct auth_credentials *credentials, struct bytes_view body,
                const struct auth_clocks *clock);

// The address that the sender's secret is tied to (signature_tied_to); "" if to nothing.
const char *auth_signed_for(const struct auth *auth, const struct auth_rules *rules);

// Which secret or key proved the sender, for people: "2 of the list (+14152251493)".
void auth_name(const struct auth *auth, const struct auth_rules *rules,
               char out[SIGNATURE_NAME_BYTES]);

// A genuine sender has limited rights: the bearer key sends dial-outs only, and a
// secret tied to a number speaks for that number only, and for no dial-out. The code of the
// refusal, or NULL. `to` is the called number, empty for none.
const char *auth_authorize(const struct auth *auth, const struct auth_rules *rules,
                           enum webhook_kind kind, const char *to);

#endif
