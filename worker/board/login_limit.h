// Slows down who tries tokens: ten wrong ones from an address, and it waits a minute. Pure.
#ifndef DIALIN_BOARD_LOGIN_LIMIT_H
#define DIALIN_BOARD_LOGIN_LIMIT_H

#include "peer.h"

#include <stdbool.h>
#include <stdint.h>

#define LOGIN_WRONG_MAX 10
#define LOGIN_WAIT_MS 60000
#define LOGIN_ADDRESSES_MAX 1024 // then the one that was seen longest ago is forgotten

struct login_limit;
struct login_limit *login_limit_open(void);
void login_limit_close(struct login_limit *limit);

// Must this address wait? Returns the seconds, or 0.
unsigned login_limit_wait_s(const struct login_limit *limit, const char *address, uint64_t now_ms);
void login_limit_wrong(struct login_limit *limit, const char *address, uint64_t now_ms);

#endif
