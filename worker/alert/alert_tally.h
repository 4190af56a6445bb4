// How often something happened, in slots of ALERT_TALLY_SLOT_MS, so that old events, and those that
// another worker has told of, can be taken away. Plain memory; zeroed is empty.
#ifndef DIALIN_ALERT_TALLY_H
#define DIALIN_ALERT_TALLY_H

#include <stddef.h>
#include <stdint.h>

#define ALERT_TALLY_SLOT_MS 5000
#define ALERT_TALLY_SLOTS_MAX 64 // then the two oldest become one

struct alert_tally {
    struct {
        uint64_t first_ms, last_ms, count;
    } slots[ALERT_TALLY_SLOTS_MAX]; // in order of time
    size_t slot_count;
};

void alert_tally_add(struct alert_tally *tally, uint64_t at_ms, uint64_t count);

// Forgets the slots that end at this time or before.
void alert_tally_forget(struct alert_tally *tally, uint64_t until_ms);

uint64_t alert_tally_count(const struct alert_tally *tally);
uint64_t alert_tally_since_ms(const struct alert_tally *tally); // 0: it is empty
uint64_t alert_tally_last_ms(const struct alert_tally *tally);  // 0: it is empty

#endif
