// See quarantine.h.
#include "quarantine.h"

#include "record.h"

#include <stdint.h>

#define SHARED_DEATHS_MAX 1 // of workers with a call's request in flight, before it is a suspect

bool quarantine_admits(struct quarantine *quarantine, struct call *call)
{
    static const size_t TOGETHER_MAX[RECORD_DEATHS_MAX] = {SIZE_MAX, SIZE_MAX, 16, 4, 1};
    if (call->deaths > SHARED_DEATHS_MAX && !call->is_quarantined) {
        if (quarantine->in_flight >= TOGETHER_MAX[call->deaths]) {
            return false;
        }
        call->is_quarantined = true;
        quarantine->in_flight++;
    }
    return true;
}

void quarantine_leave(struct quarantine *quarantine, const struct call *call)
{
    quarantine->in_flight -= call->is_quarantined;
}

unsigned quarantine_deaths_max(const struct call *call)
{
    return call->is_quarantined ? RECORD_DEATHS_MAX : SHARED_DEATHS_MAX;
}
