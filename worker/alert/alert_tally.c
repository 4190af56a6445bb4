// See alert_tally.h.
#include "alert_tally.h"

#include <string.h>

static void join_oldest(struct alert_tally *tally)
{
    tally->slots[1].first_ms = tally->slots[0].first_ms;
    tally->slots[1].count += tally->slots[0].count;
    tally->slot_count--;
    memmove(&tally->slots[0], &tally->slots[1], tally->slot_count * sizeof tally->slots[0]);
}

void alert_tally_add(struct alert_tally *tally, uint64_t at_ms, uint64_t count)
{
    if (count == 0) {
        return;
    }
    size_t last = tally->slot_count - 1;
    if (tally->slot_count > 0 && at_ms < tally->slots[last].first_ms + ALERT_TALLY_SLOT_MS) {
        tally->slots[last].count += count;
        tally->slots[last].last_ms =
            at_ms > tally->slots[last].last_ms ? at_ms : tally->slots[last].last_ms;
        return;
    }
    if (tally->slot_count == ALERT_TALLY_SLOTS_MAX) {
        join_oldest(tally);
    }
    tally->slots[tally->slot_count].first_ms = tally->slots[tally->slot_count].last_ms = at_ms;
    tally->slots[tally->slot_count].count = count;
    tally->slot_count++;
}

void alert_tally_forget(struct alert_tally *tally, uint64_t until_ms)
{
    size_t gone = 0;
    while (gone < tally->slot_count && tally->slots[gone].last_ms <= until_ms) {
        gone++;
    }
    tally->slot_count -= gone;
    memmove(&tally->slots[0], &tally->slots[gone], tally->slot_count * sizeof tally->slots[0]);
}

uint64_t alert_tally_count(const struct alert_tally *tally)
{
    uint64_t count = 0;
    for (size_t i = 0; i < tally->slot_count; i++) {
        count += tally->slots[i].count;
    }
    return count;
}

uint64_t alert_tally_since_ms(const struct alert_tally *tally)
{
    return tally->slot_count > 0 ? tally->slots[0].first_ms : 0;
}

uint64_t alert_tally_last_ms(const struct alert_tally *tally)
{
    return tally->slot_count > 0 ? tally->slots[tally->slot_count - 1].last_ms : 0;
}
