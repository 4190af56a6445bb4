// See snapshot_memory.h. Parts of a reply are taken over as they are: their place in it becomes
// NULL.
#include "snapshot_memory.h"

#include "loop.h"
#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"

#include <stdlib.h>
#include <string.h>

// If no further walk succeeds: three times as long as between two.
#define DEEP_KEPT_MS UINT64_C(30000)
#define NUMBERS 5

struct known_call {
    char *call_id;
    redisReply *fields;
    uint64_t read_ms;
};

struct deep_line {
    char *agent;
    struct forecast_caller *callers;
    size_t count;
    uint64_t read_ms;
    struct forecast_caller *found; // by the walk that runs; room for `end` of them
    size_t found_count;
    uint64_t from, end; // the places that it has still to read
};

struct snapshot_memory {
    struct snapshot_query asked; // by the reading that is out
    char numbers[NUMBERS][REDIS_NUMBER_BYTES];
    char places[2][REDIS_NUMBER_BYTES];
    struct known_call calls[SNAPSHOT_WAITING_MAX]; // in the order of the last reading's rows
    redisReply *slow[SNAPSHOT_SLOW_COUNT];
    uint64_t slow_ms[SNAPSHOT_SLOW_COUNT];
    struct deep_line lines[SNAPSHOT_AGENTS_MAX];
    size_t line_count, line; // `line`: the walk is at this one; line_count: no walk runs
    struct deep_line noted[SNAPSHOT_AGENTS_MAX]; // those longer than the walk of each second
    size_t noted_count;
    uint64_t walked_ms; // when the last deep walk began; 0: never
};

static bool is_recent(uint64_t then_ms, uint64_t ms)
{
    return then_ms > 0 && loop_now_ms() - then_ms < ms;
}

static void release_call(struct known_call *call)
{
    free(call->call_id);
    freeReplyObject(call->fields);
    *call = (struct known_call){0};
}

static void release_lines(struct deep_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(lines[i].agent);
        free(lines[i].callers);
        free(lines[i].found);
    }
}

struct snapshot_memory *snapshot_memory_open(void)
{
    return memory_zeroed(sizeof(struct snapshot_memory));
}

void snapshot_memory_close(struct snapshot_memory *memory)
{
    if (!memory) {
        return;
    }
    for (size_t i = 0; i < SNAPSHOT_WAITING_MAX; i++) {
        release_call(&memory->calls[i]);
    }
    for (size_t i = 0; i < SNAPSHOT_SLOW_COUNT; i++) {
        freeReplyObject(memory->slow[i]);
    }
    release_lines(memory->lines, memory->line_count);
    release_lines(memory->noted, memory->noted_count);
    free(memory);
}

// --- asking --------------------------------------------------------------------------------------

size_t snapshot_args(struct snapshot_memory *memory, const struct snapshot_query *query,
                     struct bytes_view argv[SNAPSHOT_ARGS_MAX])
{
    struct snapshot_query *asked = &memory->asked;
    *asked = *query;
    if (is_recent(memory->slow_ms[SNAPSHOT_PROGRAMS], SNAPSHOT_SLOW_MS)) {
        asked->programs = false;
    }
    if (is_recent(memory->slow_ms[SNAPSHOT_SAMPLE], SNAPSHOT_SLOW_MS)) {
        asked->minutes_back = 0;
    }
    const unsigned values[NUMBERS] = {asked->walk, asked->waiting, asked->events, asked->programs,
                                      asked->minutes_back};
    size_t count = 0;
    for (; count < NUMBERS; count++) {
        argv[count] = redis_number(memory->numbers[count], values[count]);
    }
    for (size_t i = 0; i < SNAPSHOT_WAITING_MAX; i++) {
        const struct known_call *call = &memory->calls[i];
        if (call->fields && is_recent(call->read_ms, SNAPSHOT_SLOW_MS)) {
            argv[count++] = view_of_text(call->call_id);
        }
    }
    return count;
}

size_t snapshot_command(enum script_name script, const struct bytes_view keys[2], size_t count,
                        const struct bytes_view *args, struct bytes_view argv[SNAPSHOT_COMMAND_MAX])
{
    argv[0] = VIEW("EVAL_RO");
    argv[1] = script_text(script);
    argv[2] = VIEW(REDIS_SCRIPT_KEYS);
    argv[3] = keys[0];
    argv[4] = keys[1];
    memcpy(argv + 5, args, count * sizeof *args);
    return 5 + count;
}

// --- parts that change slowly --------------------------------------------------------------------

static redisReply *take(redisReply **found)
{
    redisReply *taken = *found;
    *found = NULL;
    return taken;
}

// Of this call, if an earlier reading knew it.
static struct known_call known(struct snapshot_memory *memory, const char *call_id)
{
    for (size_t i = 0; i < SNAPSHOT_WAITING_MAX; i++) {
        struct known_call call = memory->calls[i];
        if (call.fields && !strcmp(call.call_id, call_id)) {
            memory->calls[i] = (struct known_call){0};
            return call;
        }
    }
    return (struct known_call){0};
}

void snapshot_memory_take_calls(struct snapshot_memory *memory, const redisReply *waiting,
                                size_t call_id_at, size_t fields_at)
{
    struct known_call calls[SNAPSHOT_WAITING_MAX] = {{0}};
    for (size_t i = 0; i < waiting->elements && i < SNAPSHOT_WAITING_MAX; i++) {
        redisReply *const row = waiting->element[i];
        const char *call_id = row->element[call_id_at]->str;
        if (row->element[fields_at]->type == REDIS_REPLY_NIL) {
            calls[i] = known(memory, call_id);
        } else {
            calls[i].call_id = memory_text(call_id);
            calls[i].fields = take(&row->element[fields_at]);
            calls[i].read_ms = loop_now_ms();
        }
    }
    for (size_t i = 0; i < SNAPSHOT_WAITING_MAX; i++) {
        release_call(&memory->calls[i]);
        memory->calls[i] = calls[i];
    }
}

const redisReply *snapshot_memory_fields(const struct snapshot_memory *memory, size_t i)
{
    return memory->calls[i].fields;
}

const redisReply *snapshot_memory_take_slow(struct snapshot_memory *memory, enum snapshot_slow part,
                                            redisReply **found)
{
    bool is_asked =
        part == SNAPSHOT_PROGRAMS ? memory->asked.programs : memory->asked.minutes_back > 0;
    if (is_asked) {
        freeReplyObject(memory->slow[part]);
        memory->slow[part] = take(found);
        memory->slow_ms[part] = loop_now_ms();
    }
    return memory->slow[part] ? memory->slow[part] : *found;
}

// --- deep walks ----------------------------------------------------------------------------------

// Its place in `lines`; line_count: it has none.
static size_t place_of(const struct snapshot_memory *memory, const char *agent)
{
    size_t i = 0;
    while (i < memory->line_count && strcmp(memory->lines[i].agent, agent) != 0) {
        i++;
    }
    return i;
}

size_t snapshot_memory_deep(const struct snapshot_memory *memory, const char *agent,
                            const struct forecast_caller **callers)
{
    size_t place = place_of(memory, agent);
    if (place == memory->line_count || !is_recent(memory->lines[place].read_ms, DEEP_KEPT_MS)) {
        return 0;
    }
    *callers = memory->lines[place].callers;
    return memory->lines[place].count;
}

void snapshot_memory_begin_lines(struct snapshot_memory *memory)
{
    release_lines(memory->noted, memory->noted_count);
    memory->noted_count = 0;
}

void snapshot_memory_note_line(struct snapshot_memory *memory, const char *agent, uint64_t walked,
                               uint64_t waiting)
{
    if (memory->noted_count < SNAPSHOT_AGENTS_MAX) {
        memory->noted[memory->noted_count++] =
            (struct deep_line){.agent = memory_text(agent), .from = walked, .end = waiting};
    }
}

static bool walk_runs(const struct snapshot_memory *memory)
{
    return memory->line < memory->line_count;
}

// The callers of the last walk are kept until this one has come to the end of the line.
static void begin_walk(struct snapshot_memory *memory)
{
    struct deep_line lines[SNAPSHOT_AGENTS_MAX] = {{0}};
    uint64_t each = SNAPSHOT_DEPTH_ALL_MAX / memory->noted_count;
    each = each < FORECAST_DEEP_WALK_MAX ? each : FORECAST_DEEP_WALK_MAX;
    for (size_t i = 0; i < memory->noted_count; i++) {
        struct deep_line *line = &lines[i];
        size_t place = place_of(memory, memory->noted[i].agent);
        *line = memory->noted[i];
        line->end = line->end < each ? line->end : each;
        line->found = memory_zeroed(line->end * sizeof *line->found);
        if (place < memory->line_count) {
            struct deep_line *before = &memory->lines[place];
            line->callers = before->callers;
            line->count = before->count;
            line->read_ms = before->read_ms;
            before->callers = NULL;
        }
    }
    release_lines(memory->lines, memory->line_count);
    memcpy(memory->lines, lines, memory->noted_count * sizeof *lines);
    memory->line_count = memory->noted_count;
    memory->noted_count = 0;
    memory->line = 0;
    memory->walked_ms = loop_now_ms();
}

static void end_line(struct snapshot_memory *memory)
{
    struct deep_line *line = &memory->lines[memory->line++];
    free(line->callers);
    line->callers = line->found;
    line->count = line->found_count;
    line->read_ms = loop_now_ms();
    line->found = NULL;
}

size_t snapshot_depth_args(struct snapshot_memory *memory,
                           struct bytes_view argv[SNAPSHOT_ARGS_MAX])
{
    if (!walk_runs(memory) && memory->noted_count > 0 &&
        !is_recent(memory->walked_ms, FORECAST_DEEP_EVERY_MS)) {
        begin_walk(memory);
    }
    while (walk_runs(memory) &&
           memory->lines[memory->line].from >= memory->lines[memory->line].end) {
        end_line(memory);
    }
    if (!walk_runs(memory)) {
        return 0;
    }
    const struct deep_line *line = &memory->lines[memory->line];
    uint64_t after = line->from + SNAPSHOT_DEPTH_PAGE;
    after = after < line->end ? after : line->end;
    argv[0] = view_of_text(line->agent);
    argv[1] = redis_number(memory->places[0], line->from);
    argv[2] = redis_number(memory->places[1], after - 1);
    return 3;
}

void snapshot_depth_read(struct snapshot_memory *memory, const redisReply *reply)
{
    if (!walk_runs(memory)) {
        return;
    }
    struct deep_line *line = &memory->lines[memory->line];
    bool is_page = reply_has_shape(reply, "([s][s])") &&
                   reply->element[0]->elements == reply->element[1]->elements;
    if (!is_page) {
        memory->line = memory->line_count;
        return;
    }
    const redisReply *scores = reply->element[0], *holds = reply->element[1];
    uint64_t beyond = line->found_count > 0 ? line->found[line->found_count - 1].score : 0;
    for (size_t i = 0; i < scores->elements && line->found_count < line->end; i++) {
        uint64_t score = view_number(reply_view_at(scores, i));
        if (score > beyond) { // the queue moves between two pages: else it was in the last one
            line->found[line->found_count++] =
                (struct forecast_caller){score, view_number(reply_view_at(holds, i))};
        }
    }
    line->from += SNAPSHOT_DEPTH_PAGE;
    if (scores->elements < SNAPSHOT_DEPTH_PAGE) {
        line->from = line->end;
    }
}
