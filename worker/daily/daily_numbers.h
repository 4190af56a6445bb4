// The dial-in numbers and SIP addresses of a domain, as Daily has them configured.
#ifndef DIALIN_DAILY_NUMBERS_H
#define DIALIN_DAILY_NUMBERS_H

#include "daily_api.h"
#include "phone_number.h"

#define DAILY_NUMBERS_MAX 1024
#define DAILY_ID_BYTES_MAX 128
#define DAILY_PAGE 20 // an answer may have 64 KiB: halved while the answer is longer

struct daily_number {
    char id[DAILY_ID_BYTES_MAX + 1]; // "": it stands in the domain's own configuration (`GET /`)
    cJSON *config;                   // an object: phone_number, hmac, room_creation_api, …
};

struct daily_numbers {
    struct daily_number *list;
    size_t count;
};

// Reads all of them. False if one of the answers fails: daily_api_problem says why, and `numbers`
// is empty; a part of them is never all.
bool daily_numbers_read(struct daily_numbers *numbers, struct daily_api *api);
void daily_numbers_release(struct daily_numbers *numbers);

// A member that is a text; "" if it is absent.
const char *daily_number_text(const struct daily_number *number, const char *name);

// +14152251493, or sip:user@host of one that has no telephone number; "" if it has neither.
#define DAILY_NAME_BYTES (PHONE_ADDRESS_BYTES_MAX + 8)
void daily_number_name(const struct daily_number *number, char name[DAILY_NAME_BYTES]);

// By number or SIP address in any spelling; NULL: none.
struct daily_number *daily_numbers_find(const struct daily_numbers *numbers, const char *wanted);

#endif
