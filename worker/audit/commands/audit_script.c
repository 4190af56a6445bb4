// See audit_script.h.
#include "audit_script.h"

#include "script_embed.h"

SCRIPT_EMBED(script_replay, "replay");
SCRIPT_EMBED(script_forget, "forget");

struct bytes_view audit_script_replay(void)
{
    return view_of_text(script_replay);
}

struct bytes_view audit_script_forget(void)
{
    return view_of_text(script_forget);
}
