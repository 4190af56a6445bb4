// The secrets of a domain's numbers, as PINLESS_HMAC_SECRET_FILE has them: `number=secret`,
// separated by commas. A secret that Daily no longer shows stays for SECRET_KEEP_MS, so that
// webhooks which it has signed are still good while the new one is taken up.
#ifndef DIALIN_SECRET_LIST_H
#define DIALIN_SECRET_LIST_H

#include "daily_numbers.h"

#define SECRET_KEEP_MS 600000
#define SECRET_LIST_BYTES_MAX 65536 // of the file, as the ingress reads it
#define SECRET_LIST_MAX 1024        // as many as the ingress takes

struct secret_list;
struct secret_list *secret_list_new(void);
void secret_list_free(struct secret_list *list); // wipes; NULL is allowed

// The secrets of an earlier run, as the file had them at `at_ms`.
void secret_list_take_text(struct secret_list *list, struct bytes_view text, uint64_t at_ms);

// Takes the numbers as Daily shows them now. `unusable` gets the names of the numbers whose secret
// is absent or not usable, separated by commas: these are left out, and do not keep the others from
// being taken. Returns how many numbers have a usable secret.
size_t secret_list_update(struct secret_list *list, const struct daily_numbers *numbers,
                          uint64_t now_ms, struct bytes *unusable);

// Appends the list with a newline, SECRET_LIST_BYTES_MAX in all; `keeps_old`: with as many of the
// secrets of late as there is room for. False if the current ones are too long, or there is none.
bool secret_list_print(const struct secret_list *list, bool keeps_old, uint64_t now_ms,
                       struct bytes *out);

#endif
