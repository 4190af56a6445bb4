// Two lanes, of calls and of Daily's events: each has its files, waits for their fdatasync, and
// drains them. This file ties them together: the folder, the orphans in it, who has how much room,
// and that calls leave first.
#include "spool.h"

#include "log.h"
#include "log_gate.h"
#include "memory.h"
#include "spool_drain.h"
#include "spool_orphans.h"
#include "spool_record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct lane {
    struct spool_files files;
    struct spool_sync *sync;
    struct spool_drain *drain;
};

struct spool {
    struct loop *loop;
    struct stream_writer *writer;
    struct loop_timer *look;
    struct spool_orphans orphans;
    int folder;
    uint64_t bytes_max; // of calls
    struct lane calls, events;
    struct log_gate full_of_events;
    int64_t *oldest_s;
    uint64_t *damaged;
};

// --- keeping ------------------------------------------------------------------------------------

static bool keep(struct lane *lane, size_t count, const struct bytes_view *fields,
                 spool_on_kept *on_kept, void *arg)
{
    struct bytes record;
    bytes_init(&record, SPOOL_RECORD_BYTES_MAX);
    struct spool_file *file =
        !spool_files_are_pausing(&lane->files) && spool_record_write(&record, count, fields)
            ? spool_files_to_append_to(&lane->files)
            : NULL;
    bool is_appended = file && spool_files_append(&lane->files, file, bytes_view(&record));
    if (is_appended) {
        spool_sync_wait(lane->sync, file, on_kept, arg);
    }
    bytes_release(&record);
    return is_appended;
}

bool spool_keep(struct spool *spool, size_t count, const struct bytes_view *fields,
                spool_on_kept *on_kept, void *arg)
{
    bool has_room =
        spool->calls.files.bytes + spool_record_bytes(count, fields) <= spool->bytes_max;
    return has_room && keep(&spool->calls, count, fields, on_kept, arg);
}

static uint64_t events_share(uint64_t bytes_max)
{
    return bytes_max / 100 * SPOOL_EVENTS_PERCENT;
}

// Would the disk still take all that the calls may, after so many bytes?
static bool disk_has_room_beside_calls(const struct spool *spool, uint64_t bytes)
{
    struct statvfs disk;
    uint64_t of_calls = spool->calls.files.bytes;
    uint64_t reserved = of_calls < spool->bytes_max ? spool->bytes_max - of_calls : 0;
    return !fstatvfs(spool->folder, &disk) &&
           (uint64_t)disk.f_bavail * disk.f_frsize >= reserved + bytes;
}

bool spool_keep_event(struct spool *spool, size_t count, const struct bytes_view *fields,
                      spool_on_kept *on_kept, void *arg)
{
    uint64_t bytes = spool_record_bytes(count, fields);
    const char *full =
        spool->events.files.bytes + bytes > events_share(spool->bytes_max) ? "their share is used"
        : !disk_has_room_beside_calls(spool, bytes) ? "the disk has no more than calls may take"
                                                    : NULL;
    uint64_t since = full ? log_gate_pass(&spool->full_of_events, loop_now_ms()) : 0;
    if (since > 0) {
        log_error("the spool takes no more of Daily's events, so that calls have their room "
                  "(SPOOL_MAX_MB)",
                  log_text("reason", full), log_number("count", (int64_t)since));
    }
    return !full && keep(&spool->events, count, fields, on_kept, arg);
}

const char *spool_not_ready_reason(const struct spool *spool)
{
    const struct spool_files *files = &spool->calls.files;
    if (spool_files_are_pausing(files)) {
        return "the spool's disk fails (SPOOL_DIR)";
    }
    return files->bytes + SPOOL_RECORD_HEAD_BYTES < spool->bytes_max
               ? NULL
               : "the spool is full (SPOOL_MAX_MB)";
}

// --- draining -----------------------------------------------------------------------------------

void spool_drain(struct spool *spool)
{
    spool_drain_go(spool->calls.drain);
    spool_drain_go(spool->events.drain);
}

static void on_calls_drained(void *arg)
{
    struct spool *spool = arg;
    spool_drain_go(spool->events.drain);
}

static void on_events_drained(void *arg)
{
    (void)arg; // nothing comes after them
}

static void on_synced(void *arg)
{
    struct lane *lane = arg;
    spool_drain_go(lane->drain);
}

static bool is_in_use(const char *name, void *arg)
{
    const struct spool_files *files = arg;
    return spool_files_have(files, name);
}

static void take_orphan(struct spool_file *file, void *arg)
{
    struct spool_files *files = arg;
    log_warning(files->kind->found, log_text("file", file->name),
                log_number("bytes", (int64_t)file->bytes));
    spool_files_add(files, file);
}

static void look_in(struct spool *spool, struct spool_files *files)
{
    const struct spool_search search = {
        .folder = spool->folder,
        .suffix = files->kind->suffix,
        .room = files->count < SPOOL_ORPHANS_MAX ? SPOOL_ORPHANS_MAX - files->count : 0,
        .is_in_use = is_in_use,
        .on_orphan = take_orphan,
        .arg = files,
    };
    spool_orphans_look(&spool->orphans, &search);
    spool_files_clear(files);
}

static void look_for_orphans(void *arg)
{
    struct spool *spool = arg;
    loop_timer_start(spool->look, SPOOL_LOOK_MS);
    look_in(spool, &spool->calls.files);
    look_in(spool, &spool->events.files);
    spool_drain(spool);
}

// --- opening and closing ------------------------------------------------------------------------

uint64_t spool_bytes(const struct spool *spool)
{
    return spool->calls.files.bytes;
}

uint64_t spool_events_bytes(const struct spool *spool)
{
    return spool->events.files.bytes;
}

static void measure_age(void *arg)
{
    const struct spool *spool = arg;
    const struct spool_file *first = spool->calls.files.first;
    uint64_t made_ms = first ? strtoull(first->name, NULL, 10) : 0; // spool_file.c
    *spool->oldest_s = made_ms > 0 ? (int64_t)(loop_wall_ms() - made_ms) / 1000 : 0;
}

// Of a lane: its files, the metrics that tell of it, and how it drains.
struct lane_kind {
    struct spool_kind files;
    const char *records, *records_help; // counter, by what became of them
    const char *bytes, *bytes_help;     // gauge
    struct spool_drain_settings drain;
};

static const struct lane_kind CALLS = {
    .files = {.suffix = SPOOL_CALLS_SUFFIX,
              .failing = "the spool's disk fails: webhooks wait for Redis instead",
              .found = "found a spool file that no ingress uses; adding its webhooks to the "
                       "stream"},
    .records = "dialin_spool_records_total",
    .records_help = "Webhooks that went through the spool, by what became of them.",
    .bytes = "dialin_spool_bytes",
    .bytes_help = "Bytes in the spool's files of calls.",
    .drain = {.write = stream_writer_write,
              .at_once_max = SPOOL_DRAIN_COUNT_MAX,
              .on_empty = on_calls_drained},
};

static const struct lane_kind EVENTS = {
    .files = {.suffix = SPOOL_EVENTS_SUFFIX,
              .failing = "the spool's disk fails: Daily's events wait for Redis instead",
              .found = "found a spool file that no ingress uses; adding Daily's events to their "
                       "stream"},
    .records = "dialin_spool_events_total",
    .records_help = "Daily's events that went through the spool, by what became of them.",
    .bytes = "dialin_spool_events_bytes",
    .bytes_help = "Bytes in the spool's files of Daily's events.",
    .drain = {.write = stream_writer_write_event,
              .at_once_max = SPOOL_DRAIN_EVENTS_MAX,
              .on_empty = on_events_drained},
};

// `before`: the files that are drained first, or NULL.
static void open_lane(struct spool *spool, struct lane *lane, const struct lane_kind *kind,
                      const struct spool_files *before, struct metrics *metrics)
{
    struct spool_drain_settings drain = kind->drain;
    uint64_t *kept = metrics_counter(metrics, kind->records, kind->records_help, "result=\"kept\"");
    const struct spool_sync_settings sync = {spool->loop, &lane->files, kept, on_synced, lane};
    lane->files = (struct spool_files){
        .kind = &kind->files,
        .folder = spool->folder,
        .held = metrics_gauge(metrics, kind->bytes, kind->bytes_help, NULL),
        .damaged = spool->damaged,
    };
    lane->sync = spool_sync_open(&sync);
    drain.loop = spool->loop;
    drain.files = &lane->files;
    drain.sync = lane->sync;
    drain.before = before;
    drain.writer = spool->writer;
    drain.drained =
        metrics_counter(metrics, kind->records, kind->records_help, "result=\"drained\"");
    drain.torn = metrics_counter(metrics, kind->records, kind->records_help, "result=\"torn\"");
    drain.arg = spool;
    lane->drain = spool_drain_open(&drain);
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
    spool->folder = fd;
    spool->bytes_max = bytes_max;
    spool->writer = writer;
    spool->damaged = metrics_counter(metrics, "dialin_spool_files_damaged_total",
                                     "Spool files put aside because they are damaged.", NULL);
    open_lane(spool, &spool->calls, &CALLS, NULL, metrics);
    open_lane(spool, &spool->events, &EVENTS, &spool->calls.files, metrics);
    *metrics_gauge(metrics, "dialin_spool_events_bytes_max",
                   "The most that it holds of Daily's events.", NULL) =
        (int64_t)events_share(bytes_max);
    spool->oldest_s = metrics_gauge(metrics, "dialin_spool_oldest_seconds",
                                    "The age of its oldest file of calls; 0: it has none.", NULL);
    metrics_before_print(metrics, measure_age, spool);
    spool->look = loop_timer_open(loop, look_for_orphans, spool);
    look_for_orphans(spool);
    return spool;
}

bool spool_is_syncing(const struct spool *spool)
{
    return spool_sync_is_out(spool->calls.sync) || spool_sync_is_out(spool->events.sync);
}

static void close_lane(struct lane *lane)
{
    spool_sync_close(lane->sync);
    spool_files_close(&lane->files);
    spool_drain_close(lane->drain);
}

void spool_close(struct spool *spool)
{
    close_lane(&spool->calls);
    close_lane(&spool->events);
    loop_timer_close(spool->look);
    close(spool->folder);
    free(spool);
}
