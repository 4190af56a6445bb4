// See stream_entry.h.
#include "stream_entry.h"

#include "log.h"

#include <stdlib.h>

static void ignore_reply(const redisReply *reply, void *arg)
{
    (void)reply, (void)arg;
}

bool stream_entry_is_row(const redisReply *row)
{
    const redisReply *id = reply_at(row, 0, REDIS_REPLY_STRING);
    return reply_count(row) >= 2 && id && id->len < ENTRY_ID_BYTES && entry_id_is_valid(id->str);
}

bool stream_entry_is_entry(const redisReply *row)
{
    return stream_entry_is_row(row) && reply_has_shape(row->element[1], "?[.]");
}

struct bytes_view stream_entry_id(const redisReply *row)
{
    return (struct bytes_view){row->element[0]->str, row->element[0]->len};
}

const redisReply *stream_entry_rows(const redisReply *reply)
{
    return reply_has_shape(reply, "((s[.]))") ? reply->element[0]->element[1] : NULL;
}

// Scripts append {route, agent, step, when its lookup was asked, the answer} to a row, or {}
// (prelude.lua).
void stream_entry_read_record(const redisReply *row, struct stream_entry_record *record)
{
    *record = (struct stream_entry_record){.is_known = false};
    if (reply_count(row) > 3 && reply_has_shape(row->element[3], "(sssss)")) {
        const redisReply *names = row->element[3];
        record->is_known = true;
        record->route = (struct bytes_view){names->element[0]->str, names->element[0]->len};
        record->agent = (struct bytes_view){names->element[1]->str, names->element[1]->len};
        record->step = (unsigned)strtoul(names->element[2]->str, NULL, 10);
        record->was_looked_up = names->element[3]->len > 0;
        record->lookup = reply_view(names->element[4]);
    }
}

enum stream_entry_kind stream_entry_read(const redisReply *row, struct webhook_entry *entry,
                                         const char **problem)
{
    if (row->element[1]->type != REDIS_REPLY_ARRAY) {
        return STREAM_ENTRY_DELETED;
    }
    *problem = webhook_entry_from_reply(entry, row->element[1]);
    return *problem && webhook_entry_is_newer(entry) ? STREAM_ENTRY_NEWER : STREAM_ENTRY_KNOWN;
}

void stream_entry_acknowledge(struct redis *redis, struct bytes_view stream,
                              struct bytes_view entry_id)
{
    const struct bytes_view argv[] = {VIEW("XACK"), stream, VIEW(STREAM_GROUP), entry_id};
    log_error("a pending entry was deleted from the stream: its call is lost",
              log_view("entry", entry_id));
    redis_send(redis, 4, argv, ignore_reply, NULL);
}

void stream_entry_put_aside(struct redis *redis, struct bytes_view stream,
                            struct bytes_view entry_id, struct bytes_view version)
{
    const struct bytes_view argv[] = {VIEW("XCLAIM"), stream,   VIEW(STREAM_GROUP), VIEW("unknown"),
                                      VIEW("0"),      entry_id, VIEW("JUSTID")};
    log_error("set aside an entry of a newer version: update the workers",
              log_view("entry", entry_id), log_view("version", version));
    redis_send(redis, 7, argv, ignore_reply, NULL);
}
