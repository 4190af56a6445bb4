// Any bytes as what Redis sends: whatever hiredis makes of them is read by every reader of replies,
// and a shape that is there can be read to its end.
#include "call_json.h"
#include "export_row.h"
#include "facets.h"
#include "lease_watch.h"
#include "log.h"
#include "recorded_call.h"
#include "redis_clock.h"
#include "redis_health.h"
#include "redis_info.h"
#include "redis_limit.h"
#include "redis_reply.h"
#include "snapshot.h"
#include "stream_entry.h"
#include "webhook_entry.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define NOW_MS UINT64_C(1795408783123)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const SHAPES[] = {"s",        "i",          "n",     ".",        "?[.]",
                                     "(i.)",     "([s].s)",    "(nns)", "(nsnnnn)", REPLY_ROW,
                                     REPLY_ROWS, REPLY_FIELDS, "(sss)", "((s[.]))", "(nnnniisis)"};

static void read_all(const redisReply *reply)
{
    char text[32];
    int64_t number = 0;
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        bool has_it = reply_has_shape(reply, SHAPES[i]);
        assert(!has_it || SHAPES[i][0] != '<' || reply_count(reply) % 2 == 0);
    }
    reply_copy(reply, text, sizeof text);
    assert(strlen(text) < sizeof text);
    reply_integer(reply, -5, 5, &number);
    assert(number >= -5 && number <= 5);
    view_number(reply_view(reply));
    reply_field(reply, "name");
    redis_error_of(reply);
    for (size_t i = 0; i < reply_count(reply); i++) {
        read_all(reply->element[i]);
    }
}

static void read_entry(const redisReply *row)
{
    struct webhook_entry entry = {0};
    const char *problem = NULL;
    if (stream_entry_is_entry(row)) {
        stream_entry_id(row);
        stream_entry_read(row, &entry, &problem);
    }
}

static void read_call(const redisReply *row, const redisReply *hash)
{
    struct recorded_call call;
    struct json_line line;
    json_line_init(&line);
    recorded_call_read(&call, row, hash, false);
    call_to_json(&call, NOW_MS, &line);
    json_line_release(&line);
}

// A row of a stream, as export and tail print it.
static void print_row(const redisReply *row, enum export_format format)
{
    static FILE *nowhere;
    char name[RECORDED_CALL_NAME_BYTES];
    struct export_writer writer;
    nowhere = nowhere ? nowhere : fopen("/dev/null", "w");
    assert(nowhere);
    export_writer_init(&writer, format, nowhere);
    export_row(&writer, EXPORT_EVENT, row->element[0]->str, row->element[1]);
    export_event_is_final(row->element[1]);
    event_to_json(row, &writer.line);
    recorded_call_name(row, name);
    export_writer_release(&writer);
}

// Readers of one reply each.
static void read_others(const redisReply *reply)
{
    static struct lease_watch watch;
    struct bytes_view dead[LEASE_WATCH_MAX];
    const struct facets facets = {.count = 2, .groups = 2, .group = {0, 1}};
    const struct facet_search search = {.kind = "from", .wanted = "+1415*"};
    struct facets_found found;
    redis_info_warn_of_fsync(reply, "redis");
    facets_look(&facets, reply, &found);
    facets_take_scan(&search, reply, &found);
    facets_are_met(&facets, &found);
    if (reply_has_shape(reply, "(n[s])")) {
        lease_watch_note(&watch, reply->element[1], NOW_MS);
        lease_watch_dead(&watch, NOW_MS, dead);
        lease_watch_clear(&watch);
    }
    if (reply->type == REDIS_REPLY_STRING) {
        redis_info_problem(reply->str, false);
        redis_info_warn(reply->str, "redis");
        redis_info_has_file(reply->str);
    }
}

static void read_reply(const redisReply *reply)
{
    struct redis_clock clock = {.is_quiet = true};
    struct redis_health health = {0};
    read_all(reply);
    read_others(reply);
    redis_clock_take(&clock, reply, 1);
    redis_health_note(&health, 1, reply, 1);
    const redisReply *rows = stream_entry_rows(reply);
    for (size_t i = 0; i < reply_count(rows); i++) {
        read_entry(rows->element[i]);
    }
    read_entry(reply);
    if (reply_has_shape(reply, REPLY_ROW)) {
        read_call(reply, NULL);
        print_row(reply, EXPORT_CSV);
        print_row(reply, EXPORT_JSON);
    }
    if (reply_has_shape(reply, "(" REPLY_ROW REPLY_FIELDS ")")) {
        read_call(reply->element[0], reply->element[1]);
    }
}

// As a page of a deep walk, and as a snapshot, which takes parts of the reply: the last reader.
static void read_snapshot(redisReply *reply)
{
    struct snapshot snapshot;
    const struct snapshot_query query = {
        .walk = 64, .waiting = SNAPSHOT_WAITING_MAX, .programs = true, .minutes_back = 5};
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    struct snapshot_memory *memory = snapshot_memory_open();
    snapshot_args(memory, &query, args);
    if (snapshot_read(&snapshot, reply, memory)) {
        struct json_line line;
        json_line_init(&line);
        snapshot_to_json(&snapshot, &line);
        json_line_release(&line);
        if (snapshot_depth_args(memory, args) > 0) {
            snapshot_depth_read(memory, reply);
        }
        snapshot_args(memory, &query, args);
    }
    snapshot_memory_close(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_limit limit;
    const size_t in_flight = 1;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    log_open("fuzz", LOG_LEVEL_ERROR, false);
    redis_limit_watch(&limit, reader, &in_flight);
    redisReaderFeed(reader, (const char *)data, size);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        redis_limit_next(&limit);
        read_reply(reply);
        read_snapshot(reply);
        freeReplyObject(reply);
        reply = NULL;
    }
    redisReaderFree(reader);
    return 0;
}
