// The session of a browser that has shown BOARD_TOKEN: a cookie that nobody else can make, without
// a table of sessions. A change of the token ends all of them.
#ifndef DIALIN_BOARD_SESSION_H
#define DIALIN_BOARD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#define SESSION_COOKIE "dialin-board"
#define SESSION_MS (12UL * 3600 * 1000)
#define SESSION_VALUE_BYTES 96

struct session_key;
struct session_key *session_key_open(const char *token);
void session_key_close(struct session_key *key); // NULL is allowed

// In a time that does not depend on the text.
bool session_token_is_right(const struct session_key *key, const char *token);

// The value of a cookie that ends at `now_ms` + SESSION_MS: `expiry.HMAC`.
void session_value(const struct session_key *key, uint64_t now_ms, char out[SESSION_VALUE_BYTES]);

// When the session ends that the Cookie header holds; 0: it holds none, or it has ended. NULL: no
// header.
uint64_t session_ends_ms(const struct session_key *key, const char *cookies, uint64_t now_ms);

#endif
