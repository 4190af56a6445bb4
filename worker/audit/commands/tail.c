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

static const struct screen_column COLUMNS[] = {
    {"AT", 12}, {"CALL", 36}, {"EVENT", 11}, {"HTTP", -4}, {"AGENT", 14}, {"WHY", 18},
};
enum { AT, CALL, EVENT, HTTP, AGENT, WHY, COLUMN_COUNT };

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
        [AT] = at,       [CALL] = call,
        [EVENT] = event, [HTTP] = strcmp(status, "0") != 0 ? status : "",
        [AGENT] = agent, [WHY] = why,
    };
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, colour_of(event), EVENT);
}

// Answers the newest event's id, from which the tail begins.
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
        if (audit->options->json) {
            event_to_json(rows->element[i], line);
            screen_json(line, stdout);
        } else {
            print_row(audit, rows->element[i]);
        }
    }
}

enum exit_code tail_run(struct audit *audit)
{
    char from[ENTRY_ID_BYTES];
    struct json_line line;
    if (!find_end(audit, from)) {
        return EXIT_NOT_DONE;
    }
    json_line_init(&line);
    if (!audit->options->json) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
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
            print_rows(audit, rows, &line);
            snprintf(from, sizeof from, "%s", rows->element[rows->elements - 1]->element[0]->str);
        }
        freeReplyObject(reply);
    }
    json_line_release(&line);
    bool is_ended = interrupt_came() && !database_is_lost(audit->database);
    return is_ended ? EXIT_DONE : EXIT_NOT_DONE;
}
