// The webhooks of a domain through which Daily posts its events.
//
// By Daily's documentation (docs.daily.co, reference/rest-api/webhooks, read in 2026): `GET
// /webhooks` lists them with `uuid`, `url`, `hmac`, `retryType` ("circuit-breaker", the default, or
// "exponential"), `eventTypes`, `state`, `failedCount`, `lastMomentPushed`; `POST /webhooks` makes
// one; `POST /webhooks/:uuid` with the same `url` turns a failed one on again. Could not be
// verified without an account: that the list is a JSON list (a list under `data` is read too); the
// states, of which today's page names FAILED and INACTIVE, older ones the numbers 0 (failed), 1
// (active) and 2 (stopped), and answers that others have published say ACTIVE; whether the list
// shows `hmac`.
#ifndef DIALIN_DAILY_WEBHOOKS_H
#define DIALIN_DAILY_WEBHOOKS_H

#include "daily_api.h"

#include <stddef.h>

#define DAILY_WEBHOOKS_MAX 64 // further ones are not looked at

enum daily_webhook_state {
    DAILY_WEBHOOK_ACTIVE,
    DAILY_WEBHOOK_FAILED,
    DAILY_WEBHOOK_STOPPED, // by somebody
    DAILY_WEBHOOK_UNKNOWN,
};

// Texts are "" if they are absent, and belong to the answer.
struct daily_webhook {
    const char *uuid, *url, *hmac, *retry_type, *last_moment_pushed, *state_text;
    enum daily_webhook_state state;
    uint64_t failed_count; // answers in a row that were not 200
    const cJSON *event_types;
};

struct daily_webhooks {
    cJSON *answer;
    struct daily_webhook list[DAILY_WEBHOOKS_MAX];
    size_t count;
};

// False if the answer fails or is not understood: daily_api_problem says why.
bool daily_webhooks_read(struct daily_webhooks *webhooks, struct daily_api *api);
void daily_webhooks_release(struct daily_webhooks *webhooks);

bool daily_webhook_has_type(const struct daily_webhook *webhook, const char *type);

#endif
