// See state_colour.h.
#include "state_colour.h"

enum colour colour_of_state(enum recorded_state state)
{
    switch (state) {
    case RECORDED_STARTED:
        return COLOUR_GOOD;
    case RECORDED_DEAD:
        return COLOUR_BAD;
    case RECORDED_QUEUED:
    case RECORDED_STARTING:
    case RECORDED_WAITING:
        return COLOUR_BUSY;
    case RECORDED_DUPLICATE:
    case RECORDED_UNKNOWN:
    case RECORDED_STATE_COUNT:
        break;
    }
    return COLOUR_FAINT;
}
