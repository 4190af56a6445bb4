// dialin-audit export: webhooks, events and outcomes in the order of their ids, which is that of
// Redis' time. Two streams are merged; a call's outcome follows its last event.
#include "command.h"
#include "export_row.h"
#include "interrupt.h"
#include "progress.h"
#include "record_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One of the two streams, a page at a time.
struct source {
    enum redis_key key;
    enum export_record record;
    struct entry_id from, to; // still to be read
    redisReply *rows;
    redisReply *hashes[DATABASE_PAGE]; // of the calls that an event ends
    size_t next;
};

struct exported {
    struct audit *audit;
    struct export_writer writer;
    struct source webhooks, events;
    struct progress progress;
    uint64_t begin_ms, end_ms;
    uint64_t count, total; // rows; total 0: unknown
};

// --- reading ------------------------------------------------------------------------------------

static void release_page(struct source *source)
{
    for (size_t i = 0; source->rows && i < source->rows->elements; i++) {
        freeReplyObject(source->hashes[i]);
        source->hashes[i] = NULL;
    }
    freeReplyObject(source->rows);
    source->rows = NULL;
    source->next = 0;
}

static bool ends_call(const struct source *source, size_t i)
{
    return source->record == EXPORT_EVENT &&
           export_event_is_final(source->rows->element[i]->element[1]);
}

static bool read_outcomes(struct database *database, struct source *source)
{
    char name[RECORDED_CALL_NAME_BYTES];
    for (size_t i = 0; i < source->rows->elements; i++) {
        if (ends_call(source, i)) {
            const struct bytes_view call_id =
                reply_field(source->rows->element[i]->element[1], "call_id");
            view_copy(call_id, name, sizeof name);
            const struct bytes_view argv[] = {VIEW("HGETALL"),
                                              database_key(database, REDIS_KEY_CALL, name)};
            database_send(database, 2, argv);
        }
    }
    for (size_t i = 0; i < source->rows->elements; i++) {
        source->hashes[i] =
            ends_call(source, i) ? database_receive_shaped(database, REPLY_FIELDS) : NULL;
    }
    return !database_is_lost(database);
}

// Makes sure that a row is at hand, if there is one left. Returns false if Redis did not answer.
static bool fill(struct database *database, struct source *source)
{
    bool has_row = source->rows && source->next < source->rows->elements;
    bool is_at_end = source->rows && source->rows->elements < DATABASE_PAGE;
    if (has_row || is_at_end || entry_id_compare(source->from, source->to) > 0) {
        return true;
    }
    release_page(source);
    source->rows = database_page(database, source->key, source->from, source->to, OLDEST_FIRST);
    if (!reply_is_list(source->rows)) {
        return false;
    }
    if (source->rows->elements > 0) {
        const redisReply *newest = source->rows->element[source->rows->elements - 1];
        source->from = entry_id_after(entry_id_of(newest->element[0]->str));
    }
    return read_outcomes(database, source);
}

static const redisReply *row_at_hand(const struct source *source)
{
    bool has_row = source->rows && source->next < source->rows->elements;
    return has_row ? source->rows->element[source->next] : NULL;
}

// --- writing ------------------------------------------------------------------------------------

static void write_next(struct exported *exported, struct source *source)
{
    const redisReply *row = row_at_hand(source);
    const redisReply *hash = source->hashes[source->next];
    export_row(&exported->writer, source->record, row->element[0]->str, row->element[1]);
    if (hash && hash->elements > 0) {
        export_row(&exported->writer, EXPORT_OUTCOME, row->element[0]->str, hash);
    }
    exported->count++;
    source->next++;
}

static void show(struct exported *exported, struct entry_id at)
{
    if (exported->total > 0) {
        progress_show(&exported->progress, "export", exported->count, exported->total);
    } else if (exported->end_ms > exported->begin_ms) { // in per cent of the time asked for
        uint64_t passed_ms = at.ms > exported->begin_ms ? at.ms - exported->begin_ms : 0;
        progress_show(&exported->progress, "export",
                      passed_ms * 100 / (exported->end_ms - exported->begin_ms), 100);
    }
}

static bool is_broken(FILE *file)
{
    return fflush(file) == EOF || ferror(file);
}

static bool write_all(struct exported *exported)
{
    struct database *database = exported->audit->database;
    while (fill(database, &exported->webhooks) && fill(database, &exported->events)) {
        const redisReply *webhook = row_at_hand(&exported->webhooks);
        const redisReply *event = row_at_hand(&exported->events);
        if (!webhook && !event) {
            return true;
        }
        const struct entry_id webhook_id = entry_id_of(webhook ? webhook->element[0]->str : "");
        const struct entry_id event_id = entry_id_of(event ? event->element[0]->str : "");
        bool is_webhook = webhook && (!event || entry_id_compare(webhook_id, event_id) <= 0);
        write_next(exported, is_webhook ? &exported->webhooks : &exported->events);
        if (exported->count % DATABASE_PAGE == 0) {
            show(exported, is_webhook ? webhook_id : event_id);
            if (interrupt_came() || is_broken(exported->writer.file)) {
                return false;
            }
        }
    }
    return false;
}

// --- the range ----------------------------------------------------------------------------------

// Whatever comes later has a later id, in both streams: so a resumed export misses nothing.
static bool find_end(struct exported *exported)
{
    const struct bytes_view argv[] = {VIEW("TIME")};
    redisReply *reply = database_ask(exported->audit->database, 1, argv);
    bool is_good = reply_is_list(reply) && reply->elements == 2;
    if (is_good) {
        uint64_t now_ms = view_number(reply_view(reply->element[0])) * 1000 +
                          view_number(reply_view(reply->element[1])) / 1000;
        uint64_t until_ms = exported->audit->options->selection.until_ms;
        exported->end_ms = until_ms < now_ms ? until_ms : now_ms - 1;
    }
    freeReplyObject(reply);
    return is_good;
}

static bool plan(struct exported *exported, const struct export_position *position)
{
    const struct selection *selection = &exported->audit->options->selection;
    struct entry_id from = {selection->since_ms, 0};
    struct stream_state stream;
    if (!find_end(exported) || !stream_state_read(exported->audit->database, &stream)) {
        return false;
    }
    const struct entry_id to = {exported->end_ms, UINT64_MAX};
    exported->webhooks =
        (struct source){.key = REDIS_KEY_WEBHOOKS, .record = EXPORT_WEBHOOK, .to = to};
    exported->events = (struct source){.key = REDIS_KEY_AUDIT, .record = EXPORT_EVENT, .to = to};
    exported->webhooks.from = exported->events.from = from;
    if (position->is_begun && entry_id_compare(position->id, from) >= 0) {
        exported->webhooks.from = entry_id_after(position->id);
        exported->events.from =
            position->record == EXPORT_WEBHOOK ? position->id : entry_id_after(position->id);
    }
    bool is_whole =
        selection->since_ms == 0 && selection->until_ms == UINT64_MAX && !position->is_begun;
    exported->total = is_whole ? database_length(exported->audit->database, REDIS_KEY_WEBHOOKS) +
                                     database_length(exported->audit->database, REDIS_KEY_AUDIT)
                               : 0;
    exported->begin_ms =
        exported->events.from.ms > stream.oldest.ms ? exported->events.from.ms : stream.oldest.ms;
    return !database_is_lost(exported->audit->database);
}

// Broken off between an event and the outcome that follows it, if it is the last of its call.
static bool write_missing_outcome(struct exported *exported, const struct export_position *position)
{
    if (!position->is_begun || position->record != EXPORT_EVENT) {
        return true;
    }
    struct source source = {
        .key = REDIS_KEY_AUDIT, .record = EXPORT_EVENT, .from = position->id, .to = position->id};
    bool is_good = fill(exported->audit->database, &source);
    const redisReply *row = row_at_hand(&source);
    if (row && source.hashes[0] && source.hashes[0]->elements > 0) {
        export_row(&exported->writer, EXPORT_OUTCOME, row->element[0]->str, source.hashes[0]);
    }
    release_page(&source);
    return is_good;
}

// --- the file -----------------------------------------------------------------------------------

static FILE *open_output(const struct options *options, struct export_position *position)
{
    *position = (struct export_position){0};
    if (!options->output) {
        return stdout;
    }
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (options->resume ? 0 : O_EXCL);
    int fd = open(options->output, flags, 0600); // it holds people's numbers
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r+");
    if (!file) {
        screen_complain("%s cannot be written: %s%s", options->output, strerror(errno),
                        errno == EEXIST ? " (--resume goes on with it)" : "");
        return NULL;
    }
    const char *problem = options->resume ? export_resume(file, options->format, position) : NULL;
    if (problem) {
        screen_complain("%s cannot be resumed: %s", options->output, problem);
        fclose(file);
        return NULL;
    }
    return file;
}

static bool close_output(const struct options *options, FILE *file)
{
    if (file == stdout) {
        return !screen_is_gone();
    }
    bool is_good = fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0;
    int error = errno;
    is_good = fclose(file) == 0 && is_good;
    if (!is_good) {
        screen_complain("%s: %s", options->output, strerror(error));
    }
    return is_good;
}

enum exit_code export_run(struct audit *audit)
{
    const struct options *options = audit->options;
    struct exported exported = {.audit = audit};
    struct export_position position;
    FILE *file = open_output(options, &position);
    if (!file) {
        return EXIT_NOT_DONE;
    }
    progress_init(&exported.progress, false);
    export_writer_init(&exported.writer, options->format, file);
    bool is_whole = plan(&exported, &position);
    // Standard output may stand anywhere in a file to which others have written.
    if (is_whole && (file == stdout || ftello(file) == 0)) {
        export_head(&exported.writer);
    }
    is_whole = is_whole && write_missing_outcome(&exported, &position) && write_all(&exported);
    progress_clear(&exported.progress);
    release_page(&exported.webhooks);
    release_page(&exported.events);
    export_writer_release(&exported.writer);
    is_whole = close_output(options, file) && is_whole;
    screen_complain("exported %" PRIu64 " webhooks and events%s", exported.count,
                    is_whole          ? ""
                    : options->output ? ", not all: --resume goes on"
                                      : ", not all");
    return is_whole ? EXIT_DONE : EXIT_NOT_DONE;
}
