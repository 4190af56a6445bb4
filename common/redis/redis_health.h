// Finds commands that Redis refuses although it is connected: so that "ready" means "the last write
// worked". Each kind of command is remembered by itself: that a GET works says nothing about an
// XADD. Pure.
#ifndef DIALIN_REDIS_HEALTH_H
#define DIALIN_REDIS_HEALTH_H

#include "bytes.h"
#include "redis_reply.h"

#include <stdbool.h>
#include <stdint.h>

#define REDIS_HEALTH_KINDS_MAX 8
#define REDIS_HEALTH_ERROR_BYTES 160
#define REDIS_HEALTH_FORGET_MS 10000 // a refusal that has not come again for so long

struct redis_refusal {
    uint64_t kind; // 0: none
    uint64_t last_ms;
    char error[REDIS_HEALTH_ERROR_BYTES];
};

// Plain memory; zeroed is right to begin with, and after each reconnect.
struct redis_health {
    struct redis_refusal refusals[REDIS_HEALTH_KINDS_MAX];
};

// Which kind a command is, by its first two arguments (the command; the script, or the key).
uint64_t redis_health_kind(struct bytes_view first, struct bytes_view second);

// Whatever came back of a command. The errors of a group or script that is missing, and of the
// command itself ("ERR …"), are not refusals. Returns whether it is one.
bool redis_health_note(struct redis_health *health, uint64_t kind, const redisReply *reply,
                       uint64_t now_ms);

// The error of a refusal that still stands, or NULL.
const char *redis_health_refusal(const struct redis_health *health, uint64_t now_ms);

#endif
