// The Lua scripts that dialin-audit alone runs, as texts that are built into the program.
#ifndef DIALIN_AUDIT_SCRIPT_H
#define DIALIN_AUDIT_SCRIPT_H

#include "bytes.h"

struct bytes_view audit_script_replay(void);
struct bytes_view audit_script_forget(void);
struct bytes_view audit_script_pause(void);
struct bytes_view audit_script_cancel(void);

#endif
