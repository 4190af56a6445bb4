// See audit_script.h.
#include "audit_script.h"

#include "script_embed.h"

SCRIPT_EMBED(script_replay, "replay");
SCRIPT_EMBED(script_forget, "forget");
SCRIPT_EMBED(script_pause, "pause");
SCRIPT_EMBED(script_cancel, "cancel");

struct bytes_view audit_script_replay(void)
{
    return view_of_text(script_replay);
}

struct bytes_view audit_script_forget(void)
{
    return view_of_text(script_forget);
}

struct bytes_view audit_script_pause(void)
{
    return view_of_text(script_pause);
}

struct bytes_view audit_script_cancel(void)
{
    return view_of_text(script_cancel);
}
