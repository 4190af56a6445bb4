// Daily's REST API, one question after another. Follows its documentation at docs.daily.co
// ("domain-dialin-config", read in 2026); tried against tests/harness/fake_daily.py only, which was
// written from that documentation. Could not be verified without an account:
// - whether the list shows `hmac` and `room_creation_api` (its example does not): a number without
//   one in the list is asked for by its id;
// - whether PUT keeps members that it is not given: all are sent, as they were read;
// - whether PUT takes members that it does not document, such as `sip_uri`: they are sent, and an
//   answer of 400 is reported with Daily's words;
// - whether `Retry-After` comes with 429.
#ifndef DIALIN_DAILY_API_H
#define DIALIN_DAILY_API_H

#include "json.h"

#include <stdbool.h>
#include <stdint.h>

#define DAILY_API_TIMEOUT_MS 10000 // for one answer; no answer is asked for twice
#define DAILY_API_PATH_BYTES 512
#define DAILY_API_PROBLEM_BYTES 600

struct daily_api_settings {
    const char *url;     // DAILY_API_URL, with or without a slash at its end; https, or loopback
    const char *key;     // DAILY_API_KEY
    const char *ca_file; // NULL: the system's
};

struct daily_api;

// Returns NULL, with a sentence in `problem`, if the URL, the key or the file cannot be used.
struct daily_api *daily_api_open(const struct daily_api_settings *settings,
                                 char problem[DAILY_API_PROBLEM_BYTES]);
void daily_api_close(struct daily_api *api); // NULL is allowed

// Asks for `path`, which begins with a slash. `body` is NULL for none. Returns the answer's object,
// to be freed with cJSON_Delete, or NULL after a sentence was left in daily_api_problem. An answer
// that is a list comes as an object that has it under DAILY_API_LIST.
#define DAILY_API_LIST "data" // as Daily names the lists of its objects
cJSON *daily_api_ask(struct daily_api *api, const char *method, const char *path,
                     const cJSON *body);

// The last problem and the next step. Neither holds the key or a secret.
const char *daily_api_problem(const struct daily_api *api);
const char *daily_api_remedy(const struct daily_api *api);

// For the reader of an answer that it does not understand; an earlier problem stays.
void daily_api_note(struct daily_api *api, const char *problem);

bool daily_api_was_cut(const struct daily_api *api); // the last answer was too long, or broken off
unsigned daily_api_status(const struct daily_api *api);        // of the last answer; 0: none came
unsigned daily_api_retry_after_s(const struct daily_api *api); // as Daily asked; 0: it did not
uint64_t daily_api_questions(const struct daily_api *api);     // that were asked so far

#endif
