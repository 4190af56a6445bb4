// See script_text.h.
#include "script_text.h"

#include "script_embed.h"

// All of them run in a full Redis too: what is in the stream must be served and recorded.
#define EMBED(symbol, files) SCRIPT_EMBED(symbol, "flags=allow-oom", files)
#define FILE_OF(name) SCRIPT_FILE(name)

EMBED(script_begin, FILE_OF("script/prelude") FILE_OF("record/call") FILE_OF("record/begin"));
EMBED(script_finish, FILE_OF("script/prelude") FILE_OF("record/call") FILE_OF("record/finish"));
EMBED(script_ask, FILE_OF("script/prelude") FILE_OF("line/ask"));
EMBED(script_lines, FILE_OF("script/prelude") FILE_OF("line/lines"));
EMBED(script_renew, FILE_OF("stream/renew"));
EMBED(script_take_over, FILE_OF("script/prelude") FILE_OF("stream/take_over"));
EMBED(script_make_group, FILE_OF("script/prelude") FILE_OF("stream/make_group"));
EMBED(script_resume, FILE_OF("script/prelude") FILE_OF("stream/resume"));
EMBED(script_hand_back, FILE_OF("script/prelude") FILE_OF("stream/hand_back"));
EMBED(script_leave, FILE_OF("stream/leave"));
EMBED(script_trim, FILE_OF("script/prelude") FILE_OF("stream/trim"));
EMBED(script_unknown, FILE_OF("script/prelude") FILE_OF("stream/unknown"));
EMBED(script_account, FILE_OF("script/prelude") FILE_OF("stream/account"));

struct bytes_view script_text(enum script_name name)
{
    const struct bytes_view TEXTS[SCRIPT_COUNT] = {
        [SCRIPT_BEGIN] = view_of_text(script_begin),
        [SCRIPT_FINISH] = view_of_text(script_finish),
        [SCRIPT_ASK] = view_of_text(script_ask),
        [SCRIPT_LINES] = view_of_text(script_lines),
        [SCRIPT_RENEW] = view_of_text(script_renew),
        [SCRIPT_TAKE_OVER] = view_of_text(script_take_over),
        [SCRIPT_MAKE_GROUP] = view_of_text(script_make_group),
        [SCRIPT_RESUME] = view_of_text(script_resume),
        [SCRIPT_HAND_BACK] = view_of_text(script_hand_back),
        [SCRIPT_LEAVE] = view_of_text(script_leave),
        [SCRIPT_TRIM] = view_of_text(script_trim),
        [SCRIPT_UNKNOWN] = view_of_text(script_unknown),
        [SCRIPT_ACCOUNT] = view_of_text(script_account),
    };
    return TEXTS[name];
}
