// Ctrl-C and SIGTERM, remembered: whoever works looks between two steps, ends in order, and says
// how far it came. The one piece of process-wide state here, as signals are.
#ifndef DIALIN_AUDIT_INTERRUPT_H
#define DIALIN_AUDIT_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void interrupt_watch(void);
bool interrupt_came(void);

// Has one come? From now on as if not, so that what must follow can be done.
bool interrupt_take(void);

// Sleeps until a time of loop_now_us(); false where an interrupt came first.
bool interrupt_sleep_until(uint64_t at_us);

#endif
