// See spool_drain.h. Parts that cannot be sent (holes, damage, ends of files) are worked off in
// turns of the loop, so that a large file never keeps a sender waiting.
#include "spool_drain.h"

#include "log.h"
#include "memory.h"
#include "spool_record.h"

#include <errno.h>
#include <stdlib.h>

#define WINDOW_BYTES (256 * 1024) // read at once; more if a record is longer
#define WINDOWS_PER_TURN_MAX 4    // then the loop serves others before draining goes on

struct spool_drain {
    struct spool_drain_settings settings;
    struct loop_timer *again;
    struct bytes window; // of the first file, from `drained` on
    size_t window_bytes; // of it, in the records that are on their way
    size_t window_max;
    size_t on_the_way; // records
    bool has_failed;   // one of them was not taken
};

static void go_on(struct spool_drain *drain);

static void on_window_end(struct spool_drain *drain)
{
    struct spool_file *file = spool_files_to_drain(drain->settings.files);
    drain->settings.files->first_is_leaving = false;
    if (drain->has_failed) {
        drain->window_max = 1;
        loop_timer_start(drain->again, SPOOL_AGAIN_MS);
    } else {
        size_t most = drain->settings.at_once_max;
        drain->window_max = 2 * drain->window_max < most ? 2 * drain->window_max : most;
        file->drained += drain->window_bytes;
        go_on(drain);
    }
}

static void on_written(struct bytes_view entry_id, void *arg)
{
    struct spool_drain *drain = arg;
    drain->has_failed = drain->has_failed || entry_id.len == 0;
    *drain->settings.drained += entry_id.len > 0;
    if (--drain->on_the_way == 0) {
        on_window_end(drain);
    }
}

// Sends the records at the start of the window; the rest is for the next one. Returns
// the verdict on the record that ended it.
static enum spool_record_verdict send_window(struct spool_drain *drain)
{
    const struct spool_drain_settings *settings = &drain->settings;
    struct bytes_view data = bytes_view(&drain->window);
    struct spool_record record;
    drain->window_bytes = 0;
    while (data.len > 0 && drain->on_the_way < drain->window_max) {
        enum spool_record_verdict verdict = spool_record_read(data, &record);
        if (verdict != SPOOL_RECORD_WHOLE) {
            return verdict;
        }
        if (!settings->write(settings->writer, record.count, record.fields, on_written, drain)) {
            drain->has_failed = true;
            return SPOOL_RECORD_WHOLE;
        }
        drain->on_the_way++;
        settings->files->first_is_leaving = true;
        drain->window_bytes += record.len;
        data = (struct bytes_view){data.data + record.len, data.len - record.len};
    }
    return SPOOL_RECORD_WHOLE;
}

// Bytes from the start of the window to the next place at which a record may stand, the false
// starts in between left out.
static size_t next_record(const struct spool_drain *drain)
{
    const struct bytes_view window = bytes_view(&drain->window);
    struct bytes_view rest = window;
    struct spool_record record;
    do {
        size_t next = spool_record_next(rest);
        rest = (struct bytes_view){rest.data + next, rest.len - next};
    } while (rest.len > 0 && spool_record_read(rest, &record) == SPOOL_RECORD_DAMAGED);
    return window.len - rest.len;
}

// Bytes that are not a record: at the end of a file, the writer died while writing them, and nobody
// was told that they are kept. In the middle of a file the disk is at fault; the records after them
// still count.
static void skip(struct spool_drain *drain, struct spool_file *file)
{
    uint64_t hole = spool_file_hole(file, file->drained);
    if (hole > 0) {
        file->has_damage = true;
        file->drained += hole;
        return;
    }
    size_t next = next_record(drain);
    if (next == drain->window.len && file->bytes == file->drained + drain->window.len) {
        log_warning("dropped the torn last record of a spool file; it was never acknowledged",
                    log_text("file", file->name), log_number("bytes", (int64_t)next));
        (*drain->settings.torn)++;
    } else {
        file->has_damage = true;
    }
    file->drained += next;
}

// A disk that fails holds up its own files only.
static bool must_wait_for_others(const struct spool_drain *drain)
{
    const struct spool_files *before = drain->settings.before;
    return before && spool_files_to_drain(before) && !spool_files_are_pausing(before);
}

static bool may_go_on(const struct spool_drain *drain, const struct spool_file *file)
{
    return drain->on_the_way == 0 && !drain->has_failed &&
           stream_writer_is_up(drain->settings.writer) &&
           !spool_sync_is_awaited(drain->settings.sync, file) && !must_wait_for_others(drain);
}

// Reads the window at `file->drained` and sends its records. Returns false if there is nothing more
// to do now.
static bool drain_window(struct spool_drain *drain, struct spool_file *file)
{
    struct spool_files *files = drain->settings.files;
    enum spool_record_verdict verdict = SPOOL_RECORD_CUT;
    for (size_t most = WINDOW_BYTES; most > 0;
         most = most < drain->window.max ? drain->window.max : 0) {
        if (!spool_file_read(file, file->drained, most, &drain->window)) {
            spool_files_complain(files, "reading", errno);
            drain->has_failed = true;
            loop_timer_start(drain->again, SPOOL_PAUSE_MS);
            return false;
        }
        if (drain->window.len == 0) { // it is shorter than it was
            file->has_damage = true;
            spool_files_end(files, file);
            return true;
        }
        verdict = send_window(drain);
        if (verdict != SPOOL_RECORD_CUT || drain->on_the_way > 0 || drain->window.len < most) {
            break;
        }
    }
    if (verdict != SPOOL_RECORD_WHOLE && drain->on_the_way == 0) {
        skip(drain, file);
        return true;
    }
    return false;
}

static bool drain_some(struct spool_drain *drain)
{
    struct spool_files *files = drain->settings.files;
    struct spool_file *file = spool_files_to_drain(files);
    if (!file || !may_go_on(drain, file)) {
        return false;
    }
    if (file->drained < file->bytes) {
        return drain_window(drain, file);
    }
    spool_files_end(files, file);
    if (!spool_files_to_drain(files)) {
        drain->settings.on_empty(drain->settings.arg);
    }
    return true;
}

static void go_on(struct spool_drain *drain)
{
    for (unsigned windows = 0; drain_some(drain); windows++) {
        if (windows == WINDOWS_PER_TURN_MAX) {
            loop_timer_start(drain->again, 1); // after 0 ms libuv 1.44 would not poll in between
            return;
        }
    }
}

void spool_drain_go(struct spool_drain *drain)
{
    drain->has_failed = drain->has_failed && drain->on_the_way > 0;
    go_on(drain);
}

static void go_again(void *arg)
{
    spool_drain_go(arg);
}

struct spool_drain *spool_drain_open(const struct spool_drain_settings *settings)
{
    struct spool_drain *drain = memory_zeroed(sizeof *drain);
    drain->settings = *settings;
    drain->window_max = settings->at_once_max;
    drain->again = loop_timer_open(settings->loop, go_again, drain);
    bytes_init(&drain->window, SPOOL_RECORD_BYTES_MAX + SPOOL_RECORD_HEAD_BYTES);
    return drain;
}

void spool_drain_close(struct spool_drain *drain)
{
    loop_timer_close(drain->again);
    bytes_release(&drain->window);
    free(drain);
}
