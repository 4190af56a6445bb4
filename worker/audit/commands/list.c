// dialin-audit list: calls, newest first.
#include "call_json.h"
#include "command.h"
#include "interrupt.h"
#include "json_line.h"
#include "time_text.h"
#include "record_walk.h"
#include "state_colour.h"

#include <stdio.h>

// 14 + 14 + 13 + 6 + 3 and 5 spaces, and 25 of the call's id: 80 columns. A wider terminal shows
// more of it; what is left is enough for `show`.
static const struct screen_column COLUMNS[] = {
    {"RANG", 14}, {"STATE", 14}, {"FROM", 13}, {"WAITED", -6}, {"TRY", -3}, {"CALL", 136},
};
enum { RANG, STATE, FROM, WAITED, TRIES, CALL, COLUMN_COUNT };

struct list {
    struct audit *audit;
    struct json_line line;
    uint64_t now_ms;
    uint64_t count;
};

static void print_row(struct list *list, const struct recorded_call *call)
{
    char rang[TIME_TEXT_BYTES], waited[TIME_TEXT_BYTES], state[64], tries[16];
    char party[WEBHOOK_PARTY_BYTES_MAX + 8];
    time_text_print_short(call->received_ms, rang);
    time_text_print_span(recorded_call_waited_ms(call, list->now_ms), waited);
    snprintf(state, sizeof state, "%s%s%.40s", recorded_state_name(call->state),
             call->reason[0] ? " " : "", call->reason);
    view_copy(reply_field(call->hash, "attempts"), tries, sizeof tries);
    recorded_call_party(call, party, sizeof party);
    const char *const cells[COLUMN_COUNT] = {
        [RANG] = rang,     [STATE] = state, [FROM] = party,
        [WAITED] = waited, [TRIES] = tries, [CALL] = call->call_id,
    };
    if (list->count == 0) {
        screen_head(&list->audit->screen, COLUMNS, COLUMN_COUNT);
    }
    screen_row(&list->audit->screen, COLUMNS, COLUMN_COUNT, cells, colour_of_state(call->state),
               STATE);
}

static bool on_call(const struct recorded_call *call, void *arg)
{
    struct list *list = arg;
    if (list->audit->options->json) {
        call_to_json(call, list->now_ms, &list->line);
        screen_json(&list->line, stdout);
    } else {
        print_row(list, call);
    }
    list->count++;
    return list->count % DATABASE_PAGE != 0 || !screen_is_gone();
}

enum exit_code list_run(struct audit *audit)
{
    const struct selection *selection = &audit->options->selection;
    static const char *const OF_TABLE[] = {"reason",     "from",     "started_ms",
                                           "updated_ms", "attempts", NULL};
    struct list list = {.audit = audit, .now_ms = database_now_ms(audit->database)};
    json_line_init(&list.line);
    bool is_good = record_walk(audit->database, selection, NEWEST_FIRST,
                               audit->options->json ? RECORD_WHOLE : OF_TABLE, on_call, &list);
    json_line_release(&list.line);
    bool is_whole = is_good && !screen_is_gone();
    if (is_whole && list.count == 0) {
        screen_complain("no call is recorded under %s that was asked for",
                        database_prefix(audit->database));
    } else if (is_whole && list.count == selection->limit) {
        screen_complain("the newest %llu; --limit 0 shows all", (unsigned long long)list.count);
    }
    return is_whole ? EXIT_DONE : EXIT_NOT_DONE;
}
