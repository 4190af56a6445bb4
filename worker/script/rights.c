// See rights.h.
#include "rights.h"

#include "script_embed.h"

SCRIPT_EMBED(script_rights, "rights");

struct bytes_view rights_script(void)
{
    return view_of_text(script_rights);
}
