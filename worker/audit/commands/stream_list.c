// See stream_list.h.
#include "stream_list.h"

#include "interrupt.h"

#include <stdio.h>

enum exit_code stream_list(struct audit *audit, enum redis_key stream, stream_list_print *print,
                           const char *before, const char *after)
{
    const struct selection *selection = &audit->options->selection;
    const struct entry_id from = {selection->since_ms, 0};
    struct entry_id to = {selection->until_ms, UINT64_MAX};
    struct json_line line;
    uint64_t count = 0;
    bool has_more = true;
    json_line_init(&line);
    while (has_more && !interrupt_came() && !screen_is_gone()) {
        redisReply *rows = database_page(audit->database, stream, from, to, NEWEST_FIRST);
        if (!reply_is_list(rows)) {
            break;
        }
        count = print(audit, rows, count, &line);
        has_more =
            rows->elements == DATABASE_PAGE && (selection->limit == 0 || count < selection->limit);
        if (has_more) {
            to = entry_id_before(entry_id_of(rows->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        freeReplyObject(rows);
    }
    json_line_release(&line);
    bool is_done = !has_more && !database_is_lost(audit->database);
    if (is_done && count == 0) {
        screen_complain("%s%s%s", before, database_prefix(audit->database), after);
    }
    return is_done ? EXIT_DONE : EXIT_NOT_DONE;
}
