// See read_snapshot.h.
#include "read_snapshot.h"

#include "screen.h"

static redisReply *run(struct database *database, enum script_name script, size_t count,
                       const struct bytes_view *args)
{
    struct bytes_view argv[SNAPSHOT_COMMAND_MAX];
    const struct bytes_view keys[] = {database_key(database, REDIS_KEY_WEBHOOKS, ""),
                                      database_key(database, REDIS_KEY_NEVER, "")};
    size_t argc = snapshot_command(script, keys, count, args, argv);
    return database_run(database, argv[1], argc, argv);
}

static redisReply *read_once(struct database *database, const struct snapshot_query *query,
                             struct snapshot_memory *memory, struct snapshot *snapshot)
{
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    size_t count = snapshot_args(memory, query, args);
    redisReply *reply = run(database, SCRIPT_SNAPSHOT, count, args);
    if (!reply || snapshot_read(snapshot, reply, memory)) {
        return reply;
    }
    screen_complain("Redis sent something else than a snapshot of the queue");
    freeReplyObject(reply);
    return NULL;
}

static bool walk_deep(struct database *database, struct snapshot_memory *memory)
{
    struct bytes_view args[SNAPSHOT_ARGS_MAX];
    size_t count = 0, pages = 0;
    while ((count = snapshot_depth_args(memory, args)) > 0) {
        redisReply *page = run(database, SCRIPT_DEPTH, count, args);
        snapshot_depth_read(memory, page);
        freeReplyObject(page);
        pages++;
    }
    return pages > 0;
}

redisReply *read_snapshot(struct database *database, const struct snapshot_query *query,
                          struct snapshot_memory *memory, struct snapshot *snapshot)
{
    redisReply *reply = read_once(database, query, memory, snapshot);
    if (reply && walk_deep(database, memory)) {
        freeReplyObject(reply);
        reply = read_once(database, query, memory, snapshot);
    }
    return reply;
}
