// See stats_by.h.
#include "stats_by.h"

#include "json_line.h"
#include "memory.h"
#include "record_walk.h"
#include "time_text.h"
#include "wait_histogram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 4096 // more names than a file may have

static const struct screen_column COLUMNS[] = {
    {"NAME", 40}, {"STARTED", -9}, {"DEAD", -9}, {"WAITING", -9}, {"P50", -8}, {"P95", -8},
};
enum { NAME, STARTED, DEAD, WAITING, P50, P95, COLUMN_COUNT };

struct group {
    char *name; // empty: no route took the call
    uint64_t started, dead, waiting;
    struct wait_histogram waits;
};

struct groups {
    struct audit *audit;
    struct group *list[GROUPS_MAX];
    size_t count;
};

static struct group *find(struct groups *groups, const char *name)
{
    for (size_t i = 0; i < groups->count; i++) {
        if (!strcmp(groups->list[i]->name, name)) {
            return groups->list[i];
        }
    }
    if (groups->count == GROUPS_MAX) {
        return groups->list[GROUPS_MAX - 1];
    }
    struct group *group = memory_zeroed(sizeof *group);
    group->name = memory_text(name);
    groups->list[groups->count++] = group;
    return group;
}

static bool on_call(const struct recorded_call *call, void *arg)
{
    struct groups *groups = arg;
    bool is_by_route = !strcmp(groups->audit->options->by, "route");
    if (call->state == RECORDED_DUPLICATE || call->state == RECORDED_UNKNOWN) {
        return true;
    }
    struct group *group = find(groups, is_by_route ? call->route : call->agent);
    bool is_callback =
        call->webhook.callback_of.len > 0; // its caller does not hold, and is lost once
    if (call->state == RECORDED_STARTED) {
        group->started++;
        if (!is_callback) {
            wait_histogram_add(&group->waits, recorded_call_waited_ms(call, 0));
        }
    } else if (call->state == RECORDED_DEAD) {
        group->dead += !is_callback;
    } else {
        group->waiting++;
    }
    return true;
}

static void print_json(const struct groups *groups, const struct group *group)
{
    struct json_line line;
    json_line_init(&line);
    if (group->name[0]) {
        json_line_text(&line, groups->audit->options->by, view_of_text(group->name));
    } else {
        json_line_null(&line, groups->audit->options->by);
    }
    json_line_number(&line, "started", group->started);
    json_line_number(&line, "dead", group->dead);
    json_line_number(&line, "waiting", group->waiting);
    json_line_open(&line, "waited_ms", '{');
    json_line_number(&line, "p50", wait_histogram_percentile(&group->waits, 50));
    json_line_number(&line, "p95", wait_histogram_percentile(&group->waits, 95));
    json_line_number(&line, "max", group->waits.max_ms);
    json_line_close(&line, '}');
    screen_json(&line, stdout);
    json_line_release(&line);
}

static void print_row(const struct groups *groups, const struct group *group)
{
    char started[24], dead[24], waiting[24], p50[TIME_TEXT_BYTES], p95[TIME_TEXT_BYTES];
    snprintf(started, sizeof started, "%" PRIu64, group->started);
    snprintf(dead, sizeof dead, "%" PRIu64, group->dead);
    snprintf(waiting, sizeof waiting, "%" PRIu64, group->waiting);
    time_text_print_span(wait_histogram_percentile(&group->waits, 50), p50);
    time_text_print_span(wait_histogram_percentile(&group->waits, 95), p95);
    const char *const cells[COLUMN_COUNT] = {
        [NAME] = group->name[0] ? group->name : "(none)",
        [STARTED] = started,
        [DEAD] = dead,
        [WAITING] = waiting,
        [P50] = group->started ? p50 : "",
        [P95] = group->started ? p95 : "",
    };
    screen_row(&groups->audit->screen, COLUMNS, COLUMN_COUNT, cells, COLOUR_NONE, NAME);
}

static int by_name(const void *a, const void *b)
{
    const struct group *const *first = a, *const *second = b;
    return strcmp((*first)->name, (*second)->name);
}

static void print(struct groups *groups)
{
    qsort(groups->list, groups->count, sizeof(struct group *), by_name);
    if (!groups->audit->options->json) {
        screen_head(&groups->audit->screen, COLUMNS, COLUMN_COUNT);
    }
    for (size_t i = 0; i < groups->count; i++) {
        if (groups->audit->options->json) {
            print_json(groups, groups->list[i]);
        } else {
            print_row(groups, groups->list[i]);
        }
    }
}

enum exit_code stats_by_run(struct audit *audit)
{
    struct groups groups = {.audit = audit};
    struct selection selection = audit->options->selection;
    selection.limit = 0;
    const char *const wanted[] = {"started_ms", audit->options->by, NULL}; // `route` or `agent`
    bool is_whole =
        record_walk(audit->database, &selection, NEWEST_FIRST, wanted, on_call, &groups);
    if (is_whole) {
        print(&groups);
    }
    for (size_t i = 0; i < groups.count; i++) {
        free(groups.list[i]->name);
        free(groups.list[i]);
    }
    return is_whole ? EXIT_DONE : EXIT_NOT_DONE;
}
