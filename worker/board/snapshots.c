// See snapshots.h.
#include "snapshots.h"

#include "latest.h"
#include "memory.h"
#include "now.h"

#include <stdlib.h>
#include <string.h>

struct place {
    struct snapshots *snapshots;
    struct redis *redis;
    struct now *now;
    bool is_asked;
};

struct snapshots {
    const struct board_settings *settings;
    snapshots_on_text *on_text;
    void *arg;
    size_t asked; // that have not answered
    struct overview_part parts[REDIS_PREFIXES_MAX];
    struct place places[REDIS_PREFIXES_MAX];
};

static void release_parts(struct snapshots *snapshots)
{
    for (size_t i = 0; i < snapshots->settings->prefix_count; i++) {
        cJSON_Delete(snapshots->parts[i].tree);
        snapshots->parts[i].tree = NULL;
    }
}

// Returns false if it does not fit.
static bool print(struct snapshots *snapshots, struct bytes *text, struct point *point,
                  bool *is_known)
{
    const struct board_settings *settings = snapshots->settings;
    if (settings->prefix_count == 1) {
        *point = snapshots->parts[0].point;
        *is_known = snapshots->parts[0].is_known;
        return json_print(snapshots->parts[0].tree, text);
    }
    cJSON *all =
        overview_of(snapshots->parts, settings->prefixes, settings->prefix_count, point, is_known);
    bool fits = json_print(all, text);
    cJSON_Delete(all);
    return fits;
}

static void report(struct snapshots *snapshots)
{
    struct bytes text;
    struct point point;
    bool is_known = false;
    bytes_init(&text, LATEST_BYTES_MAX);
    if (!print(snapshots, &text, &point, &is_known)) {
        bytes_clear(&text);
        bytes_append_text(&text, "{\"now_ms\":0,\"level\":\"bad\",\"redis_problem\":\"too large\","
                                 "\"sentence\":\"The snapshot is too large to be shown\"}");
        is_known = false;
    }
    release_parts(snapshots);
    snapshots->on_text(bytes_view(&text), is_known ? &point : NULL, snapshots->arg);
    bytes_release(&text);
}

static void on_part(struct overview_part *part, void *arg)
{
    struct place *place = arg;
    struct snapshots *snapshots = place->snapshots;
    struct overview_part *own = &snapshots->parts[place - snapshots->places];
    cJSON_Delete(own->tree);
    *own = *part;
    if (place->is_asked) {
        place->is_asked = false;
        snapshots->asked--;
    }
    if (snapshots->asked == 0) {
        report(snapshots);
    }
}

void snapshots_ask(struct snapshots *snapshots)
{
    const size_t count = snapshots->settings->prefix_count;
    if (snapshots->asked > 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        snapshots->places[i].is_asked = true;
    }
    snapshots->asked = count;
    for (size_t i = 0; i < count; i++) {
        now_ask(snapshots->places[i].now);
    }
}

struct redis *snapshots_connection(const struct snapshots *snapshots, size_t prefix)
{
    return snapshots->places[prefix].redis;
}

const char *snapshots_not_ready_reason(const struct snapshots *snapshots)
{
    const char *reason = NULL;
    for (size_t i = 0; i < snapshots->settings->prefix_count; i++) {
        reason = redis_not_ready_reason(snapshots->places[i].redis);
        if (!reason) {
            return NULL;
        }
    }
    return reason;
}

struct snapshots *snapshots_open(struct loop *loop, const struct board_settings *settings,
                                 struct metrics *metrics, snapshots_on_text *on_text, void *arg)
{
    struct snapshots *snapshots = memory_zeroed(sizeof *snapshots);
    bool is_alone = settings->prefix_count == 1;
    snapshots->settings = settings;
    snapshots->on_text = on_text;
    snapshots->arg = arg;
    for (size_t i = 0; i < settings->prefix_count; i++) {
        struct place *place = &snapshots->places[i];
        struct redis_address address = settings->redis;
        address.prefix = settings->prefixes[i];
        place->snapshots = snapshots;
        place->redis = redis_open(loop, &address, "dialin-board", NULL, NULL);
        place->now = now_open(place->redis, settings->prefixes[i], is_alone ? metrics : NULL,
                              on_part, place);
        memory_wipe(&address, sizeof address);
    }
    return snapshots;
}

void snapshots_close(struct snapshots *snapshots)
{
    for (size_t i = 0; i < snapshots->settings->prefix_count; i++) {
        redis_close(snapshots->places[i].redis);
    }
    for (size_t i = 0; i < snapshots->settings->prefix_count; i++) {
        now_close(snapshots->places[i].now);
    }
    release_parts(snapshots);
    free(snapshots);
}
