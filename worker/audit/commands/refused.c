// dialin-audit refused: genuine webhooks that were no call, and why. Each of them was a caller.
#include "command.h"
#include "json_line.h"
#include "time_text.h"
#include "stream_list.h"

#include <stdio.h>
#include <string.h>

// 14 + 17 + 22 + 44 and 3 spaces: 100 columns.
static const struct screen_column COLUMNS[] = {
    {"CAME", 14}, {"CODE", 17}, {"PEER", 22}, {"WHY", 44}};
enum { CAME, CODE, PEER, WHY, COLUMN_COUNT };

static void print_row(const struct audit *audit, const redisReply *row, bool is_first)
{
    const redisReply *fields = row->element[1];
    char came[TIME_TEXT_BYTES], code[32], peer[64], why[512];
    time_text_print_short(entry_id_of(row->element[0]->str).ms, came);
    view_copy(reply_field(fields, "code"), code, sizeof code);
    view_copy(reply_field(fields, "peer"), peer, sizeof peer);
    view_copy(reply_field(fields, "sentence"), why, sizeof why);
    const char *const cells[COLUMN_COUNT] = {
        [CAME] = came, [CODE] = code, [PEER] = peer, [WHY] = why};
    if (is_first) {
        screen_head(&audit->screen, COLUMNS, COLUMN_COUNT);
    }
    screen_row(&audit->screen, COLUMNS, COLUMN_COUNT, cells, COLOUR_BAD, CODE);
}

static void print_json(const redisReply *row, struct json_line *line)
{
    const redisReply *fields = row->element[1];
    json_line_text(line, "id", reply_view(row->element[0]));
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const struct bytes_view name = reply_view(fields->element[i]);
        const struct bytes_view value = reply_view(fields->element[i + 1]);
        if (view_equal_text(name, "received_ms") || view_equal_text(name, "body_bytes")) {
            json_line_number(line, fields->element[i]->str, view_number(value));
        } else {
            json_line_text(line, fields->element[i]->str, value);
        }
    }
    screen_json(line, stdout);
}

// Returns how many are printed by now.
static uint64_t print_page(const struct audit *audit, const redisReply *rows, uint64_t count,
                           struct json_line *line)
{
    const uint64_t limit = audit->options->selection.limit;
    for (size_t i = 0; i < rows->elements && (limit == 0 || count < limit); i++, count++) {
        if (audit->options->json) {
            print_json(rows->element[i], line);
        } else {
            print_row(audit, rows->element[i], count == 0);
        }
    }
    return count;
}

enum exit_code refused_run(struct audit *audit)
{
    return stream_list(audit, REDIS_KEY_REFUSED, print_page,
                       "no genuine webhook was refused under ", "");
}
