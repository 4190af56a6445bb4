// Points a number at a URL. A number that is configured without its secret gets a new one at Daily,
// and then every caller is refused here: so the secret is sent with each change, with every other
// member as it was read, and all is read back.
#ifndef DIALIN_DAILY_CHANGE_H
#define DIALIN_DAILY_CHANGE_H

#include "daily_numbers.h"

// The configuration that would be sent: `config` with this URL, members that are null left out.
// NULL if `config` has no secret. The caller frees it.
cJSON *daily_change_body(const cJSON *config, const char *url);

enum daily_change_result {
    DAILY_CHANGED,   // and read back
    DAILY_NO_SECRET, // Daily does not show it: nothing was sent
    DAILY_FAILED,    // daily_api_problem says why; nothing has changed if it was the first question
    DAILY_UNKNOWN,   // it was sent, and no answer tells whether it was carried out
    DAILY_NO_NUMBER, // a member is a number that cannot be sent back as it was read
    DAILY_DIFFERS,   // it is not as it was sent; the secret is
    DAILY_NEW_SECRET // the secret is another than the one sent
};

// `differs` becomes the first member that is not as it was sent, for DAILY_DIFFERS, or that is such
// a number.
#define DAILY_MEMBER_BYTES 64
enum daily_change_result daily_change(struct daily_api *api, const struct daily_number *number,
                                      const char *url, char differs[DAILY_MEMBER_BYTES]);

// Configures a number that has none: Daily makes its secret. DAILY_CHANGED, DAILY_FAILED or
// DAILY_UNKNOWN.
enum daily_change_result daily_configure(struct daily_api *api, const char *phone_number,
                                         const char *url);

#endif
