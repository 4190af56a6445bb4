// A worker keeps only the agent's name of a line and its next time to ask; everything else is in
// Redis. lines.lua names the lines, so that every worker asks for each of them, no matter which
// worker put calls into it, and the death of one stalls none.
#include "line.h"

#include "memory.h"
#include "redis_command.h"
#include "webhook_entry.h"

#include <stdlib.h>
#include <string.h>

struct line {
    struct line *next;
    struct lines *lines;
    struct loop_timer *timer;
    bool is_admitting;
    bool is_again; // somebody asked meanwhile
    char agent[];
};

struct lines {
    const char *consumer;
    lines_out_max *out_max;
    void *arg; // of out_max
    struct stream_reader *reader;
    struct loop *loop;
    struct scripts *scripts;
    struct loop_timer *look;
    struct bytes search_from;
    struct line *first;
    bool is_looking;
    bool is_stopped;
};

// --- one line -----------------------------------------------------------------------------------

static struct line *find(const struct lines *lines, const char *agent)
{
    struct line *line = lines->first;
    while (line && strcmp(line->agent, agent) != 0) {
        line = line->next;
    }
    return line;
}

static void forget(struct line *line)
{
    struct line **link = &line->lines->first;
    while (*link != line) {
        link = &(*link)->next;
    }
    *link = line->next;
    loop_timer_close(line->timer);
    free(line);
}

static void admit_in(struct line *line, uint64_t after_ms)
{
    uint64_t ms = after_ms < LINE_ADMIT_MS_MAX ? after_ms : LINE_ADMIT_MS_MAX;
    loop_timer_start(line->timer, ms > LINE_ADMIT_MS_MIN ? ms : LINE_ADMIT_MS_MIN);
}

static void admit(void *arg);

// {how long until it is worth asking again, or -1; the entries}. These come first: they take room.
static void on_admitted(const redisReply *reply, void *arg)
{
    struct line *line = arg;
    struct lines *lines = line->lines;
    int64_t after_ms = LINE_ADMIT_MS_MAX;
    scripts_look_at(lines->scripts, reply);
    if (reply_has_shape(reply, "(i.)")) {
        after_ms = reply->element[0]->integer;
        stream_reader_take(lines->reader, reply->element[1]);
    }
    bool is_again = line->is_again;
    line->is_admitting = line->is_again = false;
    if (is_again && reply) {
        admit(line);
    } else if (after_ms < 0) {
        forget(line);
    } else {
        admit_in(line, (uint64_t)after_ms);
    }
}

static size_t room_of(const struct lines *lines)
{
    size_t room = stream_reader_room(lines->reader);
    return room < LINE_COUNT_MAX ? room : LINE_COUNT_MAX;
}

static void admit(void *arg)
{
    struct line *line = arg;
    struct lines *lines = line->lines;
    char most[REDIS_NUMBER_BYTES], holds_up_ms[REDIS_NUMBER_BYTES], out_max[REDIS_NUMBER_BYTES];
    size_t room = room_of(lines);
    if (line->is_admitting || lines->is_stopped) {
        line->is_again = true;
        return;
    }
    const struct bytes_view argv[] = {
        view_of_text(lines->consumer), redis_number(most, room), view_of_text(line->agent),
        redis_number(holds_up_ms, LINE_HOLDS_UP_MS),
        redis_number(out_max, lines->out_max(line->agent, lines->arg))};
    line->is_admitting =
        room > 0 && scripts_send(lines->scripts, SCRIPT_ADMIT, 5, argv, on_admitted, line);
    if (!line->is_admitting) {
        admit_in(line, LINE_ADMIT_MS_MAX);
    }
}

void lines_admit_if_any(struct lines *lines, const char *agent)
{
    struct line *line = find(lines, agent);
    if (line) {
        admit(line);
    }
}

void lines_admit(struct lines *lines, const char *agent)
{
    struct line *line = find(lines, agent);
    if (!line) {
        size_t len = strlen(agent) + 1;
        line = memory_zeroed(sizeof *line + len);
        memcpy(line->agent, agent, len);
        line->lines = lines;
        line->timer = loop_timer_open(lines->loop, admit, line);
        line->next = lines->first;
        lines->first = line;
    }
    admit(line);
}

// --- all lines ----------------------------------------------------------------------------------

// {the agents that have a line, entries whose hold is over, start of the next search}
static void on_looked(const redisReply *reply, void *arg)
{
    struct lines *lines = arg;
    lines->is_looking = false;
    scripts_look_at(lines->scripts, reply);
    if (!reply_has_shape(reply, "([s].s)") || lines->is_stopped) {
        return;
    }
    const redisReply *agents = reply->element[0];
    for (size_t i = 0; i < agents->elements; i++) {
        if (!find(lines, agents->element[i]->str)) {
            lines_admit(lines, agents->element[i]->str);
        }
    }
    bytes_clear(&lines->search_from);
    bytes_append_text(&lines->search_from, reply->element[2]->str);
    stream_reader_take(lines->reader, reply->element[1]);
}

static void look(void *arg)
{
    struct lines *lines = arg;
    char most[REDIS_NUMBER_BYTES];
    loop_timer_start(lines->look, LINE_LOOK_MS);
    if (lines->is_looking || lines->is_stopped) {
        return;
    }
    const struct bytes_view argv[] = {view_of_text(lines->consumer),
                                      redis_number(most, room_of(lines)),
                                      bytes_view(&lines->search_from)};
    lines->is_looking = scripts_send(lines->scripts, SCRIPT_LINES, 3, argv, on_looked, lines);
}

void lines_stop(struct lines *lines)
{
    lines->is_stopped = true;
}

// --- opening and closing ------------------------------------------------------------------------

struct lines *lines_open(struct loop *loop, struct scripts *scripts, struct stream_reader *reader,
                         const char *consumer, lines_out_max *out_max, void *arg)
{
    struct lines *lines = memory_zeroed(sizeof *lines);
    lines->consumer = consumer;
    lines->out_max = out_max;
    lines->arg = arg;
    lines->reader = reader;
    lines->loop = loop;
    lines->scripts = scripts;
    bytes_init(&lines->search_from, ENTRY_ID_BYTES + 1);
    bytes_append_text(&lines->search_from, "-");
    lines->look = loop_timer_open(loop, look, lines);
    loop_timer_start(lines->look, LINE_LOOK_MS);
    return lines;
}

void lines_close(struct lines *lines)
{
    while (lines->first) {
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a forgotten line is in no list
        forget(lines->first);
    }
    loop_timer_close(lines->look);
    bytes_release(&lines->search_from);
    free(lines);
}
