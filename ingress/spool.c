// A list of files, oldest first: orphans, then our own, of which the last is appended to. It is
// read back from its start, a window of records at a time; a window counts as drained when every
// entry of it is in the stream, and is read again otherwise (a second copy ends as a duplicate). A
// file that is drained is removed. How far a file is drained is not kept over a restart, for the
// same reason.
//
// Surprising: after an fdatasync has failed, the content of the disk is unknown, and the next one
// would say that all is well. So the file is given up: nothing further is appended to it, and
// nothing that was waiting for that fdatasync counts as kept.
#include "spool.h"

#include "log.h"
#include "memory.h"
#include "spool_file.h"
#include "spool_orphans.h"
#include "spool_record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW_BYTES (256 * 1024) // read at once; more if a record is longer
#define WINDOWS_PER_TURN_MAX 4    // then the loop serves others before draining goes on

struct sync_waiter {
    struct sync_waiter *next;
    struct spool_file *file;
    uint64_t end; // kept when the file is durable up to here
    spool_on_kept *on_kept;
    void *arg;
};

struct spool {
    struct loop *loop;
    struct stream_writer *writer;
    struct loop_timer *look, *again;
    struct spool_orphans orphans;
    int folder;
    uint64_t bytes_max, bytes; // of all files in use
    uint64_t failed_ms;        // when the disk last failed; 0: it did not
    struct spool_file *files;
    size_t file_count;
    struct sync_waiter *first, *last;
    struct spool_file *syncing; // its fdatasync is out
    uint64_t syncing_to;
    struct bytes window; // of the first file, from `drained` on
    size_t window_bytes; // of it, in the records that are on their way
    size_t window_max;
    size_t on_the_way; // entries
    bool has_failed;   // one of them was not taken
    uint64_t *kept, *drained, *torn, *damaged;
    int64_t *held, *oldest_s;
};

// --- files --------------------------------------------------------------------------------------

static void add_file(struct spool *spool, struct spool_file *file)
{
    struct spool_file **link = &spool->files;
    // If one is being drained, it stays the first: the new one goes to the end.
    while (*link && (spool->on_the_way > 0 || strcmp((*link)->name, file->name) < 0)) {
        link = &(*link)->next;
    }
    file->next = *link;
    *link = file;
    spool->file_count++;
    spool->bytes += file->held;
    *spool->held = (int64_t)spool->bytes;
}

static void drop_file(struct spool *spool, struct spool_file *file)
{
    struct spool_file **link = &spool->files;
    while (*link != file) {
        link = &(*link)->next;
    }
    *link = file->next;
    spool->file_count--;
    spool->bytes -= file->held;
    *spool->held = (int64_t)spool->bytes;
    spool_file_close(file);
}

static void complain(struct spool *spool, const char *what, int error)
{
    log_error("the spool's disk fails: webhooks wait for Redis instead", log_text("step", what),
              log_text("error", strerror(error)));
    spool->failed_ms = loop_now_ms();
}

static bool is_pausing(const struct spool *spool)
{
    return spool->failed_ms > 0 && loop_now_ms() - spool->failed_ms < SPOOL_PAUSE_MS;
}

// The file that is appended to: the last, unless it was an orphan or is broken.
static struct spool_file *file_to_append_to(struct spool *spool)
{
    for (struct spool_file *file = spool->files; file; file = file->next) {
        if (!file->is_broken) {
            return file;
        }
    }
    struct spool_file *file =
        spool->file_count < SPOOL_FILES_MAX ? spool_file_make(spool->folder) : NULL;
    if (!file) {
        complain(spool, "making a file", spool->file_count < SPOOL_FILES_MAX ? errno : EMFILE);
        return NULL;
    }
    add_file(spool, file);
    return file;
}

// --- keeping ------------------------------------------------------------------------------------

static void sync_on(struct spool *spool);
static void drain(struct spool *spool);

static void tell(struct spool *spool, const struct spool_file *file, bool is_kept)
{
    while (spool->first && spool->first->file == file &&
           (spool->first->end <= file->durable || !is_kept)) {
        struct sync_waiter *sync_waiter = spool->first;
        spool->first = sync_waiter->next;
        spool->last = spool->first ? spool->last : NULL;
        *spool->kept += is_kept;
        sync_waiter->on_kept(is_kept, sync_waiter->arg);
        free(sync_waiter);
    }
}

static void on_synced(bool is_durable, void *arg)
{
    struct spool *spool = arg;
    struct spool_file *file = spool->syncing;
    spool->syncing = NULL;
    if (is_durable) {
        file->durable = spool->syncing_to;
    } else {
        file->is_broken = true;
        complain(spool, "fdatasync", EIO);
    }
    tell(spool, file, is_durable);
    sync_on(spool);
    drain(spool);
}

static void sync_on(struct spool *spool)
{
    if (!spool->syncing && spool->first) {
        spool->syncing = spool->first->file;
        spool->syncing_to = spool->syncing->bytes;
        loop_sync(spool->loop, spool->syncing->fd, on_synced, spool);
    }
}

static void wait_for_sync(struct spool *spool, struct spool_file *file, spool_on_kept *on_kept,
                          void *arg)
{
    struct sync_waiter *sync_waiter = memory_zeroed(sizeof *sync_waiter);
    *sync_waiter =
        (struct sync_waiter){.file = file, .end = file->bytes, .on_kept = on_kept, .arg = arg};
    *(spool->last ? &spool->last->next : &spool->first) = sync_waiter;
    spool->last = sync_waiter;
    sync_on(spool);
}

bool spool_keep(struct spool *spool, size_t count, const struct bytes_view *fields,
                spool_on_kept *on_kept, void *arg)
{
    struct bytes record;
    bytes_init(&record, SPOOL_RECORD_BYTES_MAX);
    bool is_kept = !is_pausing(spool) &&
                   spool->bytes + spool_record_bytes(count, fields) <= spool->bytes_max &&
                   spool_record_write(&record, count, fields);
    struct spool_file *file = is_kept ? file_to_append_to(spool) : NULL;
    if (file) {
        uint64_t before = file->bytes;
        is_kept = spool_file_append(file, bytes_view(&record));
        file->held += file->bytes - before;
        spool->bytes += file->bytes - before;
        *spool->held = (int64_t)spool->bytes;
        if (is_kept) {
            wait_for_sync(spool, file, on_kept, arg);
        } else {
            complain(spool, "write", errno);
        }
    }
    bytes_release(&record);
    return file && is_kept;
}

const char *spool_not_ready_reason(const struct spool *spool)
{
    if (is_pausing(spool)) {
        return "the spool's disk fails (SPOOL_DIR)";
    }
    return spool->bytes + SPOOL_RECORD_HEAD_BYTES < spool->bytes_max
               ? NULL
               : "the spool is full (SPOOL_MAX_MB)";
}

// --- draining -----------------------------------------------------------------------------------

// A file that cannot be taken out of the folder stays locked, so that nobody finds it again.
static bool has_left_the_folder(struct spool *spool, struct spool_file *file)
{
    bool has_left = file->has_damage ? spool_file_put_aside(file) : spool_file_remove(file);
    if (!has_left && !file->is_done) {
        complain(spool, "taking a drained file away", errno);
    } else if (has_left && file->has_damage) {
        log_error(
            "a spool file is damaged: its readable records are in the stream, the file is kept",
            log_text("file", file->name));
        (*spool->damaged)++;
    } else if (has_left) {
        log_info("spool file drained", log_text("file", file->name));
    }
    return has_left;
}

static void end_file(struct spool *spool, struct spool_file *file)
{
    file->is_broken = true;
    if (has_left_the_folder(spool, file)) {
        drop_file(spool, file);
    } else {
        file->is_done = true;
    }
}

// The first that is not drained.
static struct spool_file *file_to_drain(const struct spool *spool)
{
    struct spool_file *file = spool->files;
    while (file && file->is_done) {
        file = file->next;
    }
    return file;
}

static void on_window_end(struct spool *spool)
{
    struct spool_file *file = file_to_drain(spool);
    if (spool->has_failed) {
        spool->window_max = 1;
        loop_timer_start(spool->again, SPOOL_AGAIN_MS);
    } else {
        spool->window_max = spool->window_max < SPOOL_DRAIN_COUNT_MAX ? 2 * spool->window_max
                                                                      : SPOOL_DRAIN_COUNT_MAX;
        file->drained += spool->window_bytes;
        drain(spool);
    }
}

static void on_written(struct bytes_view entry_id, void *arg)
{
    struct spool *spool = arg;
    spool->has_failed = spool->has_failed || entry_id.len == 0;
    *spool->drained += entry_id.len > 0;
    if (--spool->on_the_way == 0) {
        on_window_end(spool);
    }
}

// Sends the records at the start of the window; the rest is for the next one. Returns
// the verdict on the record that ended it.
static enum spool_record_verdict send_window(struct spool *spool)
{
    struct bytes_view data = bytes_view(&spool->window);
    struct spool_record record;
    spool->window_bytes = 0;
    while (data.len > 0 && spool->on_the_way < spool->window_max) {
        enum spool_record_verdict verdict = spool_record_read(data, &record);
        if (verdict != SPOOL_RECORD_WHOLE) {
            return verdict;
        }
        if (!stream_writer_write(spool->writer, record.count, record.fields, on_written, spool)) {
            spool->has_failed = true;
            return SPOOL_RECORD_WHOLE;
        }
        spool->on_the_way++;
        spool->window_bytes += record.len;
        data = (struct bytes_view){data.data + record.len, data.len - record.len};
    }
    return SPOOL_RECORD_WHOLE;
}

// Bytes from the start of the window to the next place at which a record may stand, the false
// starts in between left out.
static size_t next_record(const struct spool *spool)
{
    const struct bytes_view window = bytes_view(&spool->window);
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
static void skip(struct spool *spool, struct spool_file *file)
{
    uint64_t hole = spool_file_hole(file, file->drained);
    if (hole > 0) {
        file->has_damage = true;
        file->drained += hole;
        return;
    }
    size_t next = next_record(spool);
    if (next == spool->window.len && file->bytes == file->drained + spool->window.len) {
        log_warning("dropped the torn last record of a spool file; it was never acknowledged",
                    log_text("file", file->name), log_number("bytes", (int64_t)next));
        (*spool->torn)++;
    } else {
        file->has_damage = true;
    }
    file->drained += next;
}

static bool is_being_kept(const struct spool *spool, const struct spool_file *file)
{
    return spool->syncing == file || (spool->first && spool->first->file == file);
}

// Reads the next window of the first file and sends it; returns false if there is nothing to do
// now.
static bool drain_some(struct spool *spool)
{
    struct spool_file *file = file_to_drain(spool);
    if (!file || spool->on_the_way > 0 || spool->has_failed ||
        !stream_writer_is_up(spool->writer) || is_being_kept(spool, file)) {
        return false;
    }
    if (file->drained == file->bytes) {
        end_file(spool, file);
        return true;
    }
    enum spool_record_verdict verdict = SPOOL_RECORD_CUT;
    for (size_t most = WINDOW_BYTES; most > 0;
         most = most < spool->window.max ? spool->window.max : 0) {
        if (!spool_file_read(file, file->drained, most, &spool->window)) {
            complain(spool, "reading", errno);
            spool->has_failed = true;
            loop_timer_start(spool->again, SPOOL_PAUSE_MS);
            return false;
        }
        if (spool->window.len == 0) { // it is shorter than it was
            file->has_damage = true;
            end_file(spool, file);
            return true;
        }
        verdict = send_window(spool);
        if (verdict != SPOOL_RECORD_CUT || spool->on_the_way > 0 || spool->window.len < most) {
            break;
        }
    }
    if (verdict != SPOOL_RECORD_WHOLE && spool->on_the_way == 0) {
        skip(spool, file);
        return true;
    }
    return false;
}

// Parts that cannot be sent (holes, damage, ends of files) are worked off in turns, so that a large
// file never keeps a sender waiting.
static void drain(struct spool *spool)
{
    for (unsigned windows = 0; drain_some(spool); windows++) {
        if (windows == WINDOWS_PER_TURN_MAX) {
            loop_timer_start(spool->again, 1); // after 0 ms libuv 1.44 would not poll in between
            return;
        }
    }
}

void spool_drain(struct spool *spool)
{
    spool->has_failed = spool->has_failed && spool->on_the_way > 0;
    drain(spool);
}

static void drain_again(void *arg)
{
    spool_drain(arg);
}

// --- orphans ------------------------------------------------------------------------------------

static bool is_in_use(const char *name, void *arg)
{
    const struct spool *spool = arg;
    const struct spool_file *file = spool->files;
    while (file && strcmp(file->name, name) != 0) {
        file = file->next;
    }
    return file != NULL;
}

static void take_orphan(struct spool_file *file, void *arg)
{
    log_warning("found a spool file that no ingress uses; adding its webhooks to the stream",
                log_text("file", file->name), log_number("bytes", (int64_t)file->bytes));
    add_file(arg, file);
}

static void look_for_orphans(void *arg)
{
    struct spool *spool = arg;
    size_t room = spool->file_count < SPOOL_ORPHANS_MAX ? SPOOL_ORPHANS_MAX - spool->file_count : 0;
    loop_timer_start(spool->look, SPOOL_LOOK_MS);
    spool_orphans_look(&spool->orphans, spool->folder, room, is_in_use, take_orphan, spool);
    struct spool_file *next = NULL;
    for (struct spool_file *file = spool->files; file; file = next) {
        next = file->next;
        if (file->is_done && has_left_the_folder(spool, file)) {
            drop_file(spool, file);
        }
    }
    spool_drain(spool);
}

// --- opening and closing ------------------------------------------------------------------------

uint64_t spool_bytes(const struct spool *spool)
{
    return (uint64_t)*spool->held;
}

static void measure_age(void *arg)
{
    const struct spool *spool = arg;
    uint64_t made_ms = spool->files ? strtoull(spool->files->name, NULL, 10) : 0; // spool_file.c
    *spool->oldest_s = made_ms > 0 ? (int64_t)(loop_wall_ms() - made_ms) / 1000 : 0;
}

static void register_metrics(struct spool *spool, struct metrics *metrics)
{
    static const char NAME[] = "dialin_spool_records_total";
    static const char HELP[] = "Webhooks that went through the spool, by what became of them.";
    spool->kept = metrics_counter(metrics, NAME, HELP, "result=\"kept\"");
    spool->drained = metrics_counter(metrics, NAME, HELP, "result=\"drained\"");
    spool->torn = metrics_counter(metrics, NAME, HELP, "result=\"torn\"");
    spool->damaged = metrics_counter(metrics, "dialin_spool_files_damaged_total",
                                     "Spool files put aside because they are damaged.", NULL);
    spool->held = metrics_gauge(metrics, "dialin_spool_bytes", "Bytes in the spool's files.", NULL);
    spool->oldest_s = metrics_gauge(metrics, "dialin_spool_oldest_seconds",
                                    "The age of its oldest file; 0: it is empty.", NULL);
    metrics_before_print(metrics, measure_age, spool);
}

struct spool *spool_open(struct loop *loop, const char *folder, uint64_t bytes_max,
                         struct stream_writer *writer, struct metrics *metrics)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return NULL;
    }
    struct spool *spool = memory_zeroed(sizeof *spool);
    spool->loop = loop;
    spool->writer = writer;
    spool->folder = fd;
    spool->bytes_max = bytes_max;
    spool->window_max = SPOOL_DRAIN_COUNT_MAX;
    bytes_init(&spool->window, SPOOL_RECORD_BYTES_MAX + SPOOL_RECORD_HEAD_BYTES);
    register_metrics(spool, metrics);
    spool->look = loop_timer_open(loop, look_for_orphans, spool);
    spool->again = loop_timer_open(loop, drain_again, spool);
    look_for_orphans(spool);
    return spool;
}

bool spool_is_syncing(const struct spool *spool)
{
    return spool->syncing != NULL;
}

void spool_close(struct spool *spool)
{
    assert(!spool->syncing && !spool->first);
    while (spool->files) {
        struct spool_file *file = spool->files;
        if (file->bytes == 0) {
            spool_file_remove(file);
        }
        drop_file(spool, file);
    }
    loop_timer_close(spool->look);
    loop_timer_close(spool->again);
    bytes_release(&spool->window);
    close(spool->folder);
    free(spool);
}
