// The Lua scripts of worker/scripts/, as texts that are built into the program.
#ifndef DIALIN_SCRIPT_TEXT_H
#define DIALIN_SCRIPT_TEXT_H

#include "bytes.h"

enum script_name {
    SCRIPT_BEGIN,
    SCRIPT_FINISH,
    SCRIPT_ASK,
    SCRIPT_LINES,
    SCRIPT_RENEW,
    SCRIPT_TAKE_OVER,
    SCRIPT_MAKE_GROUP,
    SCRIPT_RESUME,
    SCRIPT_HAND_BACK,
    SCRIPT_LEAVE,
    SCRIPT_TRIM,
    SCRIPT_UNKNOWN,
    SCRIPT_ACCOUNT,
    SCRIPT_COUNT,
};

struct bytes_view script_text(enum script_name name);

#endif
