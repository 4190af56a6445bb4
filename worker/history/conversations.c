// See conversations.h.
#include "conversations.h"

static uint64_t count_of(const redisReply *counts, const char *name)
{
    return view_number(reply_field(counts, name));
}

void conversations_read(struct conversations *conversations, const redisReply *counts)
{
    *conversations = (struct conversations){
        .connected = count_of(counts, "verdict:connected"),
        .ended = count_of(counts, "verdict:ended"),
        .failed = count_of(counts, "verdict:failed"),
        .never_connected = count_of(counts, "verdict:never_connected"),
        .talked = count_of(counts, "talked"),
        .talked_s = count_of(counts, "talked_s"),
        .busy_s = count_of(counts, "busy_s"),
        .pool_s = count_of(counts, "pool_s"),
    };
}

static void take_away(uint64_t *now, uint64_t earlier)
{
    *now = *now > earlier ? *now - earlier : 0;
}

void conversations_since(struct conversations *conversations, const struct conversations *earlier)
{
    take_away(&conversations->connected, earlier->connected);
    take_away(&conversations->ended, earlier->ended);
    take_away(&conversations->failed, earlier->failed);
    take_away(&conversations->never_connected, earlier->never_connected);
    take_away(&conversations->talked, earlier->talked);
    take_away(&conversations->talked_s, earlier->talked_s);
    take_away(&conversations->busy_s, earlier->busy_s);
    take_away(&conversations->pool_s, earlier->pool_s);
}

uint64_t conversations_judged(const struct conversations *conversations)
{
    return conversations->connected + conversations->ended + conversations->failed +
           conversations->never_connected;
}

uint64_t conversations_occupancy(const struct conversations *conversations)
{
    return conversations->pool_s > 0 ? 1000 * conversations->busy_s / conversations->pool_s : 0;
}
