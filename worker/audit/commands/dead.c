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

// 14 + 9 + 11 + 11 + 3 + 13 and 6 spaces, and 13 of the call's id: 80 columns.
static const struct screen_column COLUMNS[] = {{"RANG", 14}, {"REASON", 9}, {"FROM", 11},
                                               {"TO", 11},   {"TRY", -3},   {"LAST", 13},
                                               {"CALL", 136}};
enum { RANG, REASON, FROM, TO, TRIES, LAST, CALL, COLUMN_COUNT };

// Members of the call's record that its letter lacks; the record is gone before the letter is.
static const char *const RECORDED[] = {"attempts", "http_status"};
enum { RECORDED_ATTEMPTS, RECORDED_STATUS, RECORDED_COUNT };

// --- list ---------------------------------------------------------------------------------------

static bool is_wanted(const struct selection *selection, const redisReply *fields)
{
    return !selection->reason || view_equal_text(reply_field(fields, "reason"), selection->reason);
}

// `HTTP 413`, or the reason why there was no answer.
static void describe_last(const redisReply *fields, const redisReply *recorded, char *out,
                          size_t size)
{
    const struct bytes_view status = reply_view_at(recorded, RECORDED_STATUS);
    if (view_number(status) > 0) {
        snprintf(out, size, "HTTP %.*s", (int)status.len, status.data);
    } else {
        view_copy(reply_field(fields, "error"), out, size);
    }
}

static void print_row(const struct audit *audit, const redisReply *row, const redisReply *recorded,
                      bool is_first)
{
    const redisReply *fields = row->element[1];
    struct recorded_call call;
    char rang[TIME_TEXT_BYTES], reason[32], tries[16], last[256];
    char party[WEBHOOK_PARTY_BYTES_MAX + 8];
    recorded_call_read(&call, row, NULL, false);
    recorded_call_party(&call, party, sizeof party);
    time_text_print_short(call.received_ms, rang);
    view_copy(reply_field(fields, "reason"), reason, sizeof reason);
    view_copy(reply_view_at(recorded, RECORDED_ATTEMPTS), tries, sizeof tries);
    describe_last(fields, recorded, last, sizeof last);
    const char *const cells[COLUMN_COUNT] = {
        [RANG] = rang,   [REASON] = reason, [FROM] = party,        [TO] = call.to,
        [TRIES] = tries, [LAST] = last,     [CALL] = call.call_id,
    };
    if (is_first) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, COLOUR_BAD, REASON);
}

static void print_json(const redisReply *row, const redisReply *recorded, struct json_line *line)
{
    const redisReply *fields = row->element[1];
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const struct bytes_view value = reply_view(fields->element[i + 1]);
        if (view_equal_text(reply_view(fields->element[i]), "received_ms")) {
            json_line_number(line, fields->element[i]->str, view_number(value));
        } else {
            json_line_text(line, fields->element[i]->str, value);
        }
    }
    for (size_t i = 0; i < RECORDED_COUNT; i++) {
        const struct bytes_view value = reply_view_at(recorded, i);
        if (value.len > 0) {
            json_line_number(line, RECORDED[i], view_number(value));
        }
    }
    screen_json(line, stdout);
}

// Of each row of a page, to be received in turn.
static void ask_recorded(const struct audit *audit, const redisReply *rows)
{
    for (size_t i = 0; i < rows->elements; i++) {
        char name[RECORDED_CALL_NAME_BYTES];
        recorded_call_name(rows->element[i], name);
        const struct bytes_view argv[] = {
            VIEW("HMGET"), database_key(audit->database, REDIS_KEY_CALL, name),
            view_of_text(RECORDED[RECORDED_ATTEMPTS]), view_of_text(RECORDED[RECORDED_STATUS])};
        database_send(audit->database, 4, argv);
    }
}

// Prints the selected rows of a page; returns how many there are now.
static uint64_t print_page(const struct audit *audit, const redisReply *rows, uint64_t count,
                           struct json_line *line)
{
    const struct selection *selection = &audit->options->selection;
    ask_recorded(audit, rows);
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        redisReply *recorded = database_receive(audit->database);
        if (is_wanted(selection, row->element[1]) &&
            (selection->limit == 0 || count < selection->limit)) {
            if (audit->options->json) {
                print_json(row, recorded, line);
            } else {
                print_row(audit, row, recorded, count == 0);
            }
            count++;
        }
        freeReplyObject(recorded);
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
