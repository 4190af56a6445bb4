// See audit_script.h.
#include "audit_script.h"

#include "script_embed.h"

#define FILE_OF(name) ".incbin \"worker/audit/commands/" name ".lua\"\n"

// A full Redis takes no replays: the calls that come in need the room.
SCRIPT_EMBED(script_replay, "", FILE_OF("replay"));
SCRIPT_EMBED(script_forget, "flags=allow-oom", SCRIPT_FILE("script/prelude") FILE_OF("forget"));

struct bytes_view audit_script_replay(void)
{
    return view_of_text(script_replay);
}

struct bytes_view audit_script_forget(void)
{
    return view_of_text(script_forget);
}
