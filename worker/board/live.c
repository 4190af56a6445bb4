// See live.h. The audit stream's own ids are those of the events, so that a browser that comes back
// tells where it was (Last-Event-ID, or `after` in the query). Such a viewer is first sent what it
// missed of what the others have, in pages, and then joins them. Over several prefixes no id tells
// where one was: events are counted as they are read, and who comes back begins anew.
#include "live.h"

#include "event_text.h"
#include "events.h"
#include "latest.h"
#include "memory.h"
#include "points.h"
#include "recents.h"
#include "snapshots.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define IDLE_TICKS 5      // between two questions while nobody watches: only the charts need them
#define SCRAPED_MS 120000 // after a reading of the metrics: the next one will come
#define RESUME_PAGE 250
#define BATCH_BYTES_MAX (1024 * 1024)
#define GAP_UNKNOWN VIEW("event: gap\ndata: {\"left_out\":null}\n\n")

enum viewer_phase { NO_VIEWER, BEGINNING, CATCHING_UP, WATCHING };

struct viewer {
    struct live *live;
    struct http_stream *stream; // NULL: gone; the place is free once nothing is asked for it
    enum viewer_phase phase;
    bool is_asking; // a page of what it missed is out
    struct entry_id last;
    unsigned resumed;
    uint64_t end_ms;      // of its session, by the wall clock
    size_t resumed_bytes; // sent at once, and beyond what a slow reader may leave unread
};

// The audit stream of one prefix.
struct feed {
    struct live *live;
    struct events *events;
    const char *name; // NULL: it is the only one
};

struct live {
    struct loop *loop;
    struct snapshots *snapshots;
    struct feed feeds[REDIS_PREFIXES_MAX];
    size_t feed_count;
    struct loop_timer *tick;
    struct viewer viewers[LIVE_VIEWERS_MAX];
    unsigned viewer_count;
    struct latest latest;
    struct points points;
    unsigned ticks;
    uint64_t scraped_ms; // loop_now_ms of the last reading of the metrics; 0: none
    struct recents recents;
    struct entry_id last; // of the events that were sent
    unsigned sent_in_second;
    int64_t *viewers_gauge;
    uint64_t *slow_counter;
};

// --- viewers ------------------------------------------------------------------------------------

static void want_events(struct live *live, bool are_wanted)
{
    for (size_t i = 0; i < live->feed_count; i++) {
        events_want(live->feeds[i].events, are_wanted);
    }
}

static void on_gone(void *arg)
{
    struct viewer *viewer = arg;
    struct live *live = viewer->live;
    viewer->stream = NULL;
    viewer->phase = viewer->is_asking ? viewer->phase : NO_VIEWER;
    live->viewer_count--;
    *live->viewers_gauge = live->viewer_count;
    if (live->viewer_count == 0) {
        want_events(live, false);
    }
}

// False: the viewer is gone, or was ended because it reads too slowly.
static bool send(struct viewer *viewer, struct bytes_view text)
{
    if (!viewer->stream) {
        return false;
    }
    bool is_taken =
        http_stream_write(viewer->stream, text, LIVE_UNSENT_MAX + viewer->resumed_bytes);
    *viewer->live->slow_counter += is_taken ? 0 : 1;
    return is_taken;
}

static void send_to_watching(struct live *live, struct bytes_view text, struct entry_id id)
{
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        struct viewer *viewer = &live->viewers[i];
        if (viewer->phase == WATCHING && entry_id_compare(viewer->last, id) < 0) {
            viewer->last = id;
            send(viewer, text);
        }
    }
}

// The newest events after `after`, oldest first.
static void send_recent(struct live *live, struct viewer *viewer, struct entry_id after)
{
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        const struct recent *recent = recents_after(&live->recents, i, after);
        if (recent && !send(viewer, bytes_view(&recent->text))) {
            return;
        }
    }
}

static void begin_watching(struct viewer *viewer)
{
    viewer->phase = WATCHING;
    viewer->last = viewer->live->last;
}

static void begin_anew(struct viewer *viewer)
{
    send_recent(viewer->live, viewer, (struct entry_id){0, 0});
    if (viewer->stream) {
        begin_watching(viewer);
    }
}

// More was missed than is sent again: how much is not counted.
static void skip_to_newest(struct viewer *viewer)
{
    if (recents_reach(&viewer->live->recents, viewer->last) || send(viewer, GAP_UNKNOWN)) {
        send_recent(viewer->live, viewer, viewer->last);
    }
    if (viewer->stream) {
        begin_watching(viewer);
    }
}

static void catch_up(struct viewer *viewer);

// Those that the others have too; the next ones it gets with them. Returns how many.
static size_t send_missed(struct viewer *viewer, const redisReply *rows)
{
    size_t count = 0;
    struct bytes text;
    bytes_init(&text, BATCH_BYTES_MAX);
    for (; count < rows->elements; count++) {
        const struct entry_id id = entry_id_of(rows->element[count]->element[0]->str);
        if (entry_id_compare(id, viewer->live->last) > 0) {
            break;
        }
        viewer->last = id;
        event_text_append(rows->element[count], NULL, &text);
    }
    viewer->resumed += (unsigned)count;
    viewer->resumed_bytes += text.len;
    send(viewer, bytes_view(&text));
    bytes_release(&text);
    return count;
}

static void on_missed(const redisReply *reply, void *arg)
{
    struct viewer *viewer = arg;
    viewer->is_asking = false;
    if (!viewer->stream) {
        viewer->phase = NO_VIEWER;
        return;
    }
    if (reply_is_error(reply)) { // an id that Redis does not take
        begin_anew(viewer);
        return;
    }
    if (!reply_has_shape(reply, REPLY_ROWS)) {
        return; // the next tick asks again
    }
    const bool has_all = send_missed(viewer, reply) < reply->elements || reply->elements == 0;
    if (!viewer->stream) {
        return;
    }
    int ahead = entry_id_compare(viewer->last, viewer->live->last);
    if (reply->elements == 0 && ahead > 0) { // an id of the future
        begin_anew(viewer);
    } else if (ahead >= 0 || has_all) {
        viewer->phase = WATCHING;
    } else if (viewer->resumed >= LIVE_RESUME_MAX) {
        skip_to_newest(viewer);
    } else {
        catch_up(viewer);
    }
}

static void catch_up(struct viewer *viewer)
{
    struct live *live = viewer->live;
    viewer->phase = CATCHING_UP;
    viewer->is_asking = events_after(live->feeds[0].events, live_connection(live, 0), viewer->last,
                                     RESUME_PAGE, on_missed, viewer);
}

// Once the newest events are known.
static void begin(struct viewer *viewer)
{
    bool has_been_here = viewer->last.ms > 0;
    if (has_been_here) {
        catch_up(viewer);
    } else {
        begin_anew(viewer);
    }
}

// --- events -------------------------------------------------------------------------------------

static struct entry_id id_of(const struct live *live, const struct feed *feed,
                             const redisReply *row)
{
    return feed->name ? (struct entry_id){live->last.ms + 1, 0} : entry_id_of(row->element[0]->str);
}

// Of one stream among several: a page that is there already gets them too, and sorts them by time.
static void take_first(struct live *live, const struct feed *feed, const redisReply *rows)
{
    if (!feed->name) {
        live->last = (struct entry_id){0, 0};
    }
    for (size_t i = 0; i < rows->elements; i++) {
        const redisReply *row = rows->element[i];
        live->last = id_of(live, feed, row);
        const struct recent *recent = recents_insert(&live->recents, row, live->last, feed->name);
        if (recent && feed->name) {
            send_to_watching(live, bytes_view(&recent->text), live->last);
        }
    }
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        if (live->viewers[i].phase == BEGINNING) {
            begin(&live->viewers[i]);
        }
    }
}

// What came too fast: how many are left out, and the newest.
static void take_after_gap(struct live *live, const struct feed *feed, const redisReply *rows,
                           uint64_t left_out)
{
    struct bytes gap;
    bytes_init(&gap, 256);
    if (left_out == EVENTS_UNKNOWN) {
        bytes_append_view(&gap, GAP_UNKNOWN);
    } else if (left_out > 0) {
        bytes_printf(&gap, "event: gap\ndata: {\"left_out\":%llu}\n\n",
                     (unsigned long long)left_out);
    }
    for (size_t i = 0; i < rows->elements; i++) {
        live->last = id_of(live, feed, rows->element[i]);
        recents_add(&live->recents, rows->element[i], live->last, feed->name);
    }
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        struct viewer *viewer = &live->viewers[i];
        if (viewer->phase == WATCHING && entry_id_compare(viewer->last, live->last) < 0 &&
            (gap.len == 0 || send(viewer, bytes_view(&gap)))) {
            send_recent(live, viewer, viewer->last);
            viewer->last = live->last;
        }
    }
    bytes_release(&gap);
}

static void on_newest(const redisReply *rows, bool is_first, uint64_t left_out, void *arg)
{
    const struct feed *feed = arg;
    if (is_first) {
        take_first(feed->live, feed, rows);
    } else {
        take_after_gap(feed->live, feed, rows, left_out);
    }
}

// As many as may be sent in this second. The others are left out: they are not even read, but for
// the newest at its end.
static size_t on_next(const redisReply *rows, void *arg)
{
    const struct feed *feed = arg;
    struct live *live = feed->live;
    size_t taken = 0;
    for (; taken < rows->elements && live->sent_in_second < LIVE_EVENTS_PER_S; taken++) {
        const redisReply *row = rows->element[taken];
        live->last = id_of(live, feed, row);
        live->sent_in_second++;
        const struct recent *recent = recents_add(&live->recents, row, live->last, feed->name);
        send_to_watching(live, bytes_view(&recent->text), live->last);
    }
    return taken;
}

static const struct events_callbacks ON_EVENTS = {on_newest, on_next};

static void end_second(struct live *live)
{
    live->sent_in_second = 0;
    for (size_t i = 0; i < live->feed_count; i++) {
        events_skip(live->feeds[i].events);
    }
}

// --- now ----------------------------------------------------------------------------------------

static void send_history(struct live *live, struct viewer *viewer)
{
    struct bytes text;
    bytes_init(&text, POINTS_BYTES_MAX);
    points_append(&live->points, &text);
    send(viewer, bytes_view(&text));
    bytes_release(&text);
}

static void on_now(struct bytes_view json, const struct point *point, void *arg)
{
    struct live *live = arg;
    if (point) {
        points_add(&live->points, point);
    }
    latest_take(&live->latest, json);
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        if (live->viewers[i].stream) {
            send(&live->viewers[i], bytes_view(&live->latest.message));
        }
    }
}

void live_now(struct live *live, struct http_request *request)
{
    if (latest_answer(&live->latest, request)) {
        snapshots_ask(live->snapshots);
    }
}

static void on_scrape(void *arg)
{
    struct live *live = arg;
    live->scraped_ms = loop_now_ms();
}

static void on_tick(void *arg)
{
    struct live *live = arg;
    end_second(live);
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        struct viewer *viewer = &live->viewers[i];
        if (viewer->stream && loop_wall_ms() >= viewer->end_ms) {
            http_stream_end(viewer->stream);
            on_gone(viewer);
        } else if (viewer->phase == CATCHING_UP && !viewer->is_asking) {
            catch_up(viewer); // Redis did not answer
        }
    }
    bool is_scraped = live->scraped_ms > 0 && loop_now_ms() - live->scraped_ms < SCRAPED_MS;
    bool is_watched = live->viewer_count > 0 || live->latest.asker_count > 0;
    if (is_watched || is_scraped || ++live->ticks % IDLE_TICKS == 0) {
        snapshots_ask(live->snapshots);
    }
    loop_timer_start(live->tick, TICK_MS);
}

// --- the stream ---------------------------------------------------------------------------------

static struct viewer *free_viewer(struct live *live)
{
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        if (live->viewers[i].phase == NO_VIEWER) {
            return &live->viewers[i];
        }
    }
    return NULL;
}

// Where the browser was: the id is a text of its own making.
static struct entry_id id_of_request(const struct http_request *request)
{
    const char *header = http_request_header(request, "Last-Event-ID");
    const char *text = header ? header : http_request_query(request, "after");
    return text && entry_id_is_valid(text) ? entry_id_of(text) : (struct entry_id){0, 0};
}

// Of a stream that is still being read, since its last viewer left a moment ago, the events stay.
static void forget_what_is_read_again(struct live *live)
{
    for (size_t i = 0; i < live->feed_count; i++) {
        if (!events_are_read(live->feeds[i].events)) {
            recents_forget(&live->recents, live->feeds[i].name);
        }
    }
}

void live_stream(struct live *live, struct http_request *request, uint64_t end_ms)
{
    static const struct http_header HEADERS[] = {{"Content-Type", "text/event-stream"},
                                                 {"Cache-Control", "no-store"},
                                                 {"X-Accel-Buffering", "no"},
                                                 {NULL, NULL}};
    struct viewer *viewer = free_viewer(live);
    if (!viewer) {
        http_refuse(request, 503, "too_many_viewers",
                    "32 pages are open already; this one asks every 5 s instead", 5);
        return;
    }
    bool is_alone = live->feed_count == 1;
    const struct entry_id last = is_alone ? id_of_request(request) : (struct entry_id){0, 0};
    forget_what_is_read_again(live);
    *viewer = (struct viewer){.live = live, .phase = BEGINNING, .last = last, .end_ms = end_ms};
    viewer->stream = http_stream_begin(request, HEADERS, on_gone, viewer);
    live->viewer_count++;
    *live->viewers_gauge = live->viewer_count;
    send(viewer, VIEW("retry: 1000\n\n"));
    send_history(live, viewer);
    if (latest_is_fresh(&live->latest)) {
        send(viewer, bytes_view(&live->latest.message));
    } else {
        snapshots_ask(live->snapshots);
    }
    want_events(live, true);
    for (size_t i = 0; i < live->feed_count; i++) {
        if (viewer->stream && viewer->phase == BEGINNING &&
            events_are_read(live->feeds[i].events)) {
            begin(viewer);
        }
    }
}

struct redis *live_connection(struct live *live, size_t prefix)
{
    return snapshots_connection(live->snapshots, prefix);
}

const char *live_not_ready_reason(struct live *live)
{
    return snapshots_not_ready_reason(live->snapshots);
}

static void open_feeds(struct live *live, const struct board_settings *settings)
{
    live->feed_count = settings->prefix_count;
    for (size_t i = 0; i < live->feed_count; i++) {
        struct feed *feed = &live->feeds[i];
        struct redis_address address = settings->redis;
        address.prefix = settings->prefixes[i];
        feed->live = live;
        feed->name = live->feed_count > 1 ? settings->prefixes[i] : NULL;
        feed->events = events_open(live->loop, &address, settings->prefixes[i], &ON_EVENTS, feed);
        memory_wipe(&address, sizeof address);
    }
}

struct live *live_open(struct loop *loop, const struct board_settings *settings,
                       struct metrics *metrics)
{
    struct live *live = memory_zeroed(sizeof *live);
    live->loop = loop;
    live->viewers_gauge =
        metrics_gauge(metrics, "dialin_board_viewers", "Pages that are open.", NULL);
    live->slow_counter =
        metrics_counter(metrics, "dialin_board_slow_viewers_total",
                        "Pages that were ended because they read too slowly.", NULL);
    recents_init(&live->recents);
    latest_init(&live->latest);
    live->snapshots = snapshots_open(loop, settings, metrics, on_now, live);
    open_feeds(live, settings);
    live->tick = loop_timer_open(loop, on_tick, live);
    metrics_before_print(metrics, on_scrape, live);
    loop_timer_start(live->tick, TICK_MS);
    return live;
}

void live_close(struct live *live)
{
    for (size_t i = 0; i < LIVE_VIEWERS_MAX; i++) {
        if (live->viewers[i].stream) {
            http_stream_end(live->viewers[i].stream);
            live->viewers[i].stream = NULL;
        }
    }
    loop_timer_close(live->tick);
    snapshots_close(live->snapshots);
    for (size_t i = 0; i < live->feed_count; i++) {
        events_close(live->feeds[i].events);
    }
    recents_release(&live->recents);
    latest_release(&live->latest);
    free(live);
}
