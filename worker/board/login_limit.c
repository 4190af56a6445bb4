// See login_limit.h. A plain table: 1,024 comparisons for a login are nothing.
#include "login_limit.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    char address[PEER_BYTES];
    unsigned wrong;
    uint64_t last_ms;
};

struct login_limit {
    struct row rows[LOGIN_ADDRESSES_MAX];
};

struct login_limit *login_limit_open(void)
{
    return memory_zeroed(sizeof(struct login_limit));
}

void login_limit_close(struct login_limit *limit)
{
    free(limit);
}

static bool is_old(const struct row *row, uint64_t now_ms)
{
    return now_ms - row->last_ms >= LOGIN_WAIT_MS;
}

unsigned login_limit_wait_s(const struct login_limit *limit, const char *address, uint64_t now_ms)
{
    for (size_t i = 0; i < LOGIN_ADDRESSES_MAX; i++) {
        const struct row *row = &limit->rows[i];
        if (row->wrong >= LOGIN_WRONG_MAX && !is_old(row, now_ms) &&
            !strcmp(row->address, address)) {
            return (unsigned)((row->last_ms + LOGIN_WAIT_MS - now_ms + 999) / 1000);
        }
    }
    return 0;
}

void login_limit_wrong(struct login_limit *limit, const char *address, uint64_t now_ms)
{
    struct row *found = &limit->rows[0];
    for (size_t i = 0; i < LOGIN_ADDRESSES_MAX; i++) {
        struct row *row = &limit->rows[i];
        if (row->wrong > 0 && !strcmp(row->address, address)) {
            found = row;
            break;
        }
        found = row->last_ms < found->last_ms ? row : found;
    }
    if (strcmp(found->address, address) != 0 || is_old(found, now_ms)) {
        snprintf(found->address, sizeof found->address, "%s", address);
        found->wrong = 0;
    }
    found->wrong++;
    found->last_ms = now_ms;
}
