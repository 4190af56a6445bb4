// Ctrl-C and SIGTERM, remembered: a command checks between two steps, ends in order, and says
// how far it came. The one piece of process-wide state here, as signals are.
#ifndef DIALIN_AUDIT_INTERRUPT_H
#define DIALIN_AUDIT_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void interrupt_watch(void);
bool interrupt_came(void);

// Returns whether one has come, and forgets it, so that the rest can be done.
bool interrupt_take(void);

// Sleeps until a time of loop_now_us(); returns false if an interrupt came first.
bool interrupt_sleep_until(uint64_t at_us);

#endif
