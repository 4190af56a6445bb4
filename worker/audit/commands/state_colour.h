// The colour in which a call's state is printed.
#ifndef DIALIN_AUDIT_STATE_COLOUR_H
#define DIALIN_AUDIT_STATE_COLOUR_H

#include "recorded_call.h"
#include "screen.h"

enum colour colour_of_state(enum recorded_state state);

#endif
