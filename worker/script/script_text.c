// See script_text.h.
#include "script_text.h"

#include "script_embed.h"

#define EMBED(upper, lower) SCRIPT_EMBED(script_##lower, #lower);
SCRIPT_TABLE(EMBED)

struct bytes_view script_text(enum script_name name)
{
#define TEXT(upper, lower) [SCRIPT_##upper] = script_##lower,
    static const char *const TEXTS[SCRIPT_COUNT] = {SCRIPT_TABLE(TEXT)};
    return view_of_text(TEXTS[name]);
}
