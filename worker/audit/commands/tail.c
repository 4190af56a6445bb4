// dialin-audit tail: events as they happen, until Ctrl-C.
#include "call_json.h"
#include "command.h"
#include "interrupt.h"
#include "json_line.h"
#include "time_text.h"
#include "state_colour.h"

#include <stdio.h>
#include <string.h>

#define BLOCK_MS "1000"
#define COUNT "256"

// 12 + 10 + 4 + 12 + 14 and 5 spaces, and 23 of the call's id: 80 columns.
static const struct screen_column COLUMNS[] = {
    {"AT", 12}, {"EVENT", 10}, {"HTTP", -4}, {"AGENT", 12}, {"WHY", 14}, {"CALL", 136},
};
enum { AT, EVENT, HTTP, AGENT, WHY, CALL, COLUMN_COUNT };

static enum colour colour_of(const char *event)
{
    enum recorded_state state = RECORDED_UNKNOWN;
    return recorded_state_of(event, &state) ? colour_of_state(state) : COLOUR_NONE;
}

static void print_row(const struct audit *audit, const redisReply *row)
{
    const redisReply *fields = row->element[1];
    char at[TIME_TEXT_BYTES], call[256], event[64], status[16], agent[256], why[256];
    const struct bytes_view reason = reply_field(fields, "reason");
    time_text_print_clock(view_number(reply_field(fields, "at_ms")), at);
    view_copy(reply_field(fields, "call_id"), call, sizeof call);
    view_copy(reply_field(fields, "event"), event, sizeof event);
    view_copy(reply_field(fields, "http_status"), status, sizeof status);
    view_copy(reply_field(fields, "agent"), agent, sizeof agent);
    view_copy(reason.len > 0 ? reason : reply_field(fields, "error"), why, sizeof why);
    const char *const cells[COLUMN_COUNT] = {
        [AT] = at,       [EVENT] = event, [HTTP] = strcmp(status, "0") != 0 ? status : "",
        [AGENT] = agent, [WHY] = why,     [CALL] = call,
    };
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, colour_of(event), EVENT);
}

static bool is_wanted(const struct options *options, const redisReply *row)
{
    const redisReply *fields = row->element[1];
    const struct {
        const char *name, *wanted;
    } FILTERS[] = {
        {"call_id", options->call}, {"event", options->event}, {"agent", options->selection.agent}};
    for (size_t i = 0; i < sizeof FILTERS / sizeof FILTERS[0]; i++) {
        if (FILTERS[i].wanted &&
            !view_equal_text(reply_field(fields, FILTERS[i].name), FILTERS[i].wanted)) {
            return false;
        }
    }
    return true;
}

// Returns the newest event's id, from which the tail begins.
static bool find_end(struct audit *audit, char from[ENTRY_ID_BYTES])
{
    const struct bytes_view key = database_key(audit->database, REDIS_KEY_AUDIT, "");
    const struct bytes_view argv[] = {VIEW("XREVRANGE"), key,           VIEW("+"),
                                      VIEW("-"),         VIEW("COUNT"), VIEW("1")};
    redisReply *reply = database_ask_shaped(audit->database, REPLY_ROWS, 6, argv);
    bool has_one = reply_is_list(reply) && reply->elements == 1;
    snprintf(from, ENTRY_ID_BYTES, "%s", has_one ? reply->element[0]->element[0]->str : "0-0");
    freeReplyObject(reply);
    return reply;
}

static void print_rows(struct audit *audit, const redisReply *rows, struct json_line *line)
{
    for (size_t i = 0; i < rows->elements; i++) {
        if (!is_wanted(audit->options, rows->element[i])) {
            continue;
        }
        if (audit->options->json) {
            event_to_json(rows->element[i], line);
            screen_json(line, stdout);
        } else {
            print_row(audit, rows->element[i]);
        }
    }
}

// Where the last --lines events that are wanted begin: looks back from `to`, a page at a time.
// Returns false if Redis did not answer, or an interrupt came.
static bool find_begin(struct audit *audit, struct entry_id to, struct entry_id *begin)
{
    uint64_t left = audit->options->lines;
    const struct entry_id from = {0, 0};
    *begin = entry_id_after(to);
    for (bool has_more = left > 0; has_more;) {
        redisReply *rows = database_page(audit->database, REDIS_KEY_AUDIT, from, to, NEWEST_FIRST);
        if (!reply_is_list(rows) || interrupt_came()) {
            freeReplyObject(rows);
            return false;
        }
        for (size_t i = 0; i < rows->elements && left > 0; i++) {
            to = entry_id_of(rows->element[i]->element[0]->str);
            if (is_wanted(audit->options, rows->element[i])) {
                *begin = to;
                left--;
            }
        }
        has_more = left > 0 && rows->elements == DATABASE_PAGE;
        to = has_more ? entry_id_before(to) : to;
        freeReplyObject(rows);
    }
    return true;
}

// Prints the events of before, those that --lines asks for.
static bool print_last(struct audit *audit, struct entry_id end, struct json_line *line)
{
    struct entry_id from;
    bool has_more = find_begin(audit, end, &from);
    if (!has_more) {
        return false;
    }
    has_more = entry_id_compare(from, end) <= 0;
    while (has_more && !interrupt_came() && !screen_is_gone()) {
        redisReply *rows = database_page(audit->database, REDIS_KEY_AUDIT, from, end, OLDEST_FIRST);
        if (!reply_is_list(rows)) {
            return false;
        }
        print_rows(audit, rows, line);
        has_more = rows->elements == DATABASE_PAGE;
        if (has_more) {
            from = entry_id_after(entry_id_of(rows->element[DATABASE_PAGE - 1]->element[0]->str));
        }
        freeReplyObject(rows);
    }
    return !has_more;
}

static void follow(struct audit *audit, char from[ENTRY_ID_BYTES], struct json_line *line)
{
    while (!interrupt_came() && !screen_is_gone() && !database_is_lost(audit->database)) {
        const struct bytes_view argv[] = {VIEW("XREAD"),
                                          VIEW("COUNT"),
                                          VIEW(COUNT),
                                          VIEW("BLOCK"),
                                          VIEW(BLOCK_MS),
                                          VIEW("STREAMS"),
                                          database_key(audit->database, REDIS_KEY_AUDIT, ""),
                                          view_of_text(from)};
        redisReply *reply = database_ask(audit->database, 8, argv);
        const redisReply *rows =
            reply_has_shape(reply, "((s" REPLY_ROWS "))") ? reply->element[0]->element[1] : NULL;
        if (rows && reply_count(rows) > 0) { // else nothing has happened
            print_rows(audit, rows, line);
            snprintf(from, ENTRY_ID_BYTES, "%s",
                     rows->element[rows->elements - 1]->element[0]->str);
        }
        freeReplyObject(reply);
    }
}

enum exit_code tail_run(struct audit *audit)
{
    const struct options *options = audit->options;
    char from[ENTRY_ID_BYTES];
    struct json_line line;
    bool follows = options->follow || !options->has_lines;
    if (!find_end(audit, from)) {
        return EXIT_NOT_DONE;
    }
    json_line_init(&line);
    if (!options->json) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
    bool is_good = print_last(audit, entry_id_of(from), &line);
    if (is_good && follows) {
        follow(audit, from, &line);
    }
    json_line_release(&line);
    bool is_ended = is_good && (interrupt_came() || !follows) &&
                    !database_is_lost(audit->database) && !screen_is_gone();
    return is_ended ? EXIT_DONE : EXIT_NOT_DONE;
}
