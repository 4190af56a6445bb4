// dialin-audit dead: the dead letters. Calls that can still be saved go through `replay
// --live`.
#include "command.h"
#include "interrupt.h"
#include "json_line.h"
#include "time_text.h"
#include "record_walk.h"
#include "stream_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// 14 + 36 + 9 + 38 and 3 spaces: 100 columns.
static const struct screen_column COLUMNS[] = {
    {"DIED", 14}, {"CALL", 36}, {"REASON", 9}, {"ERROR", 38}};
enum { DIED, CALL, REASON, ERROR, COLUMN_COUNT };

// --- list ---------------------------------------------------------------------------------------

static bool is_wanted(const struct selection *selection, const redisReply *fields)
{
    return !selection->reason || view_equal_text(reply_field(fields, "reason"), selection->reason);
}

static void print_row(const struct audit *audit, const redisReply *row, bool is_first)
{
    const redisReply *fields = row->element[1];
    char died[TIME_TEXT_BYTES];
    char call[RECORDED_CALL_NAME_BYTES], reason[32], error[256];
    const struct bytes_view why = reply_field(fields, "reason");
    const struct bytes_view text = reply_field(fields, "error");
    time_text_print_short(entry_id_of(row->element[0]->str).ms, died);
    recorded_call_name(row, call);
    view_copy(why, reason, sizeof reason);
    view_copy(text, error, sizeof error);
    const char *const cells[COLUMN_COUNT] = {
        [DIED] = died, [CALL] = call, [REASON] = reason, [ERROR] = error};
    if (is_first) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, COLOUR_BAD, REASON);
}

static void print_json(const redisReply *row, struct json_line *line)
{
    const redisReply *fields = row->element[1];
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        json_line_text(line, fields->element[i]->str, reply_view(fields->element[i + 1]));
    }
    screen_json(line, stdout);
}

// Prints the selected rows of a page; returns how many there are now.
static uint64_t print_page(const struct audit *audit, const redisReply *rows, uint64_t count,
                           struct json_line *line)
{
    const struct selection *selection = &audit->options->selection;
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        if (!is_wanted(selection, row->element[1]) ||
            (selection->limit > 0 && count == selection->limit)) {
            continue;
        }
        if (audit->options->json) {
            print_json(row, line);
        } else {
            print_row(audit, row, count == 0);
        }
        count++;
    }
    return count;
}

static enum exit_code list_dead(struct audit *audit)
{
    return stream_list(audit, REDIS_KEY_DEAD, print_page, "no dead letter under ",
                       " that was asked for");
}

// --- purge --------------------------------------------------------------------------------------

// Deletes the selected rows of a page; returns how many those are.
static uint64_t purge_page(struct audit *audit, const redisReply *rows)
{
    struct bytes_view argv[2 + DATABASE_PAGE] = {VIEW("XDEL"),
                                                 database_key(audit->database, REDIS_KEY_DEAD, "")};
    size_t argc = 2;
    for (size_t i = 0; i < rows->elements; i++) {
        if (is_wanted(&audit->options->selection, rows->element[i]->element[1])) {
            argv[argc++] = reply_view(rows->element[i]->element[0]);
        }
    }
    if (audit->options->yes && argc > 2) {
        database_send(audit->database, argc, argv);
        database_skip(audit->database, 1);
    }
    return argc - 2;
}

static enum exit_code purge(struct audit *audit)
{
    const struct entry_id to = {audit->options->before_ms - 1, UINT64_MAX};
    struct entry_id from = {0, 0};
    uint64_t count = 0;
    bool has_more = true;
    char before[TIME_TEXT_BYTES];
    while (has_more && !interrupt_came()) {
        redisReply *rows = database_page(audit->database, REDIS_KEY_DEAD, from, to, OLDEST_FIRST);
        if (!reply_is_list(rows)) {
            return EXIT_NOT_DONE;
        }
        count += purge_page(audit, rows);
        has_more = rows->elements == DATABASE_PAGE;
        if (has_more) {
            from = entry_id_after(entry_id_of(rows->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        freeReplyObject(rows);
    }
    time_text_print(audit->options->before_ms, before);
    screen_print("%s %" PRIu64 " dead letters written before %s%s\n",
                 audit->options->yes ? "purged" : "would purge", count, before,
                 audit->options->yes ? "" : "; --yes does it");
    return !has_more && !database_is_lost(audit->database) ? EXIT_DONE : EXIT_NOT_DONE;
}

enum exit_code dead_run(struct audit *audit)
{
    return !strcmp(audit->options->argument, "list") ? list_dead(audit) : purge(audit);
}
