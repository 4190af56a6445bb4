// dialin-audit now: who waits, for how long, and who will be lost; agents, programs, what is wrong.
// With
// --watch it is drawn again each second, also after Redis was away for a while.
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "loop.h"
#include "mask.h"
#include "now_table.h"
#include "read_snapshot.h"

#include <stdio.h>

#define WATCH_US 1000000

// Every text of the object is masked: call ids and errors may hold numbers too.
static void print_masked(struct json_line *line)
{
    struct bytes text;
    bytes_append_text(&line->text, "}");
    cJSON *tree = cJSON_Parse(bytes_text(&line->text)); // not json_parse: it refuses \u0000
    bytes_init(&text, JSON_LINE_BYTES_MAX);
    mask_tree(tree);
    json_print(tree, &text);
    bytes_append_text(&text, "\n");
    screen_json_text(bytes_view(&text), stdout);
    cJSON_Delete(tree);
    bytes_release(&text);
}

static void print_json(const struct snapshot *snapshot, bool with_numbers)
{
    struct json_line line;
    json_line_init(&line);
    snapshot_to_json(snapshot, &line);
    if (with_numbers) {
        screen_json(&line, stdout);
    } else {
        print_masked(&line);
    }
    json_line_release(&line);
}

static bool show_now(struct audit *audit, struct snapshot_memory *memory)
{
    const struct options *options = audit->options;
    struct snapshot_query query = snapshot_query_all();
    struct snapshot snapshot;
    query.events = options->json && !options->watch ? SNAPSHOT_EVENTS_MAX : 0;
    redisReply *reply = read_snapshot(audit->database, &query, memory, &snapshot);
    bool is_good = reply != NULL;
    if (is_good && options->json) {
        print_json(&snapshot, options->reveal);
    } else if (is_good) {
        screen_begin_again(&audit->screen, options->watch);
        now_table_print(&audit->screen, &snapshot, options->reveal);
    }
    freeReplyObject(reply);
    return is_good;
}

// The connection is lost: a new one is tried at each turn.
static bool is_connected(struct audit *audit)
{
    if (audit->database && database_is_lost(audit->database)) {
        database_close(audit->database);
        audit->database = NULL;
    }
    if (!audit->database) {
        audit->database = database_open(&audit->settings->redis, audit->settings->redis_prefix);
    }
    return audit->database != NULL;
}

static enum exit_code watch(struct audit *audit, struct snapshot_memory *memory)
{
    uint64_t next_us = loop_now_us();
    while (!screen_is_gone()) {
        if (is_connected(audit)) {
            show_now(audit, memory);
        }
        next_us += WATCH_US;
        next_us = next_us < loop_now_us() ? loop_now_us() + WATCH_US : next_us;
        if (screen_is_gone() || !interrupt_sleep_until(next_us)) {
            break;
        }
    }
    return screen_is_gone() ? EXIT_NOT_DONE : EXIT_DONE;
}

enum exit_code now_run(struct audit *audit)
{
    struct snapshot_memory *memory = snapshot_memory_open();
    enum exit_code code = EXIT_NOT_DONE;
    if (audit->options->watch) {
        code = watch(audit, memory);
    } else if (show_now(audit, memory)) {
        code = EXIT_DONE;
    }
    snapshot_memory_close(memory);
    return code;
}
