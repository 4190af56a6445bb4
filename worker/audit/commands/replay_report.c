// See replay_report.h.
#include "replay_report.h"

#include "database.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const NAMES[] = {
#define REPLAY_OUTCOME_TEXT(name, text) [REPLAY_##name] = text,
    REPLAY_OUTCOMES(REPLAY_OUTCOME_TEXT)
#undef REPLAY_OUTCOME_TEXT
};

static const struct {
    const char *name;
    unsigned percent; // 100: the longest
} PERCENTILES[] = {{"p50", 50}, {"p95", 95}, {"p99", 99}, {"max", 100}};
#define PERCENTILE_COUNT (sizeof PERCENTILES / sizeof PERCENTILES[0])

static enum replay_outcome outcome_of(const redisReply *hash)
{
    const struct bytes_view state = reply_field(hash, "state");
    const struct bytes_view reason = reply_field(hash, "reason");
    if (state.len == 0) {
        return REPLAY_NOT_KEPT;
    }
    if (view_equal_text(state, "started")) {
        return REPLAY_STARTED;
    }
    if (!view_equal_text(state, "dead")) {
        return REPLAY_UNFINISHED;
    }
    return view_equal_text(reason, "expired")    ? REPLAY_EXPIRED
           : view_equal_text(reason, "unknown")  ? REPLAY_UNKNOWN
           : view_equal_text(reason, "rejected") ? REPLAY_REJECTED
                                                 : REPLAY_INVALID;
}

static void add_wait(struct wait_histogram *waits, const redisReply *hash)
{
    uint64_t received_ms = view_number(reply_field(hash, "received_ms"));
    uint64_t started_ms = view_number(reply_field(hash, "started_ms"));
    if (started_ms > 0) {
        wait_histogram_add(waits, started_ms > received_ms ? started_ms - received_ms : 0);
    }
}

void replay_report_add(struct replay_report *report, const struct recorded_call *replay,
                       const redisReply *original)
{
    bool is_begun = replay->hash && reply_field(replay->hash, "state").len > 0;
    enum replay_outcome outcome = is_begun ? outcome_of(replay->hash) : REPLAY_UNFINISHED;
    report->calls++;
    report->outcomes[outcome_of(original)][outcome]++;
    add_wait(&report->original, original);
    add_wait(&report->replay, replay->hash);
}

void replay_report_add_pace(struct replay_report *report, uint64_t off_ms)
{
    wait_histogram_add(&report->pace, off_ms);
}

static uint64_t percentile(const struct wait_histogram *waits, size_t i)
{
    unsigned percent = PERCENTILES[i].percent;
    return percent == 100 ? waits->max_ms : wait_histogram_percentile(waits, percent);
}

static void print_waits(const struct replay_report *report, const struct screen *screen)
{
    static const struct screen_column COLUMNS[] = {
        {"WAITED FOR THE BOT", 18}, {"ORIGINAL", -10}, {"REPLAY", -10}};
    char original[TIME_TEXT_BYTES], replay[TIME_TEXT_BYTES];
    screen_head(screen, COLUMNS, 3);
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        time_text_print_span(percentile(&report->original, i), original);
        time_text_print_span(percentile(&report->replay, i), replay);
        const char *const cells[] = {PERCENTILES[i].name,
                                     report->original.count > 0 ? original : "nobody",
                                     report->replay.count > 0 ? replay : "nobody"};
        screen_row(screen, COLUMNS, 3, cells, COLOUR_NONE, 0);
    }
}

void replay_report_print(const struct replay_report *report, const struct screen *screen)
{
    static const struct screen_column COLUMNS[] = {
        {"ORIGINAL", 18}, {"REPLAY", 18}, {"CALLS", -10}};
    char count[24];
    screen_head(screen, COLUMNS, 3);
    for (unsigned was = 0; was < REPLAY_OUTCOME_COUNT; was++) {
        for (unsigned is = 0; is < REPLAY_OUTCOME_COUNT; is++) {
            if (report->outcomes[was][is] > 0) {
                snprintf(count, sizeof count, "%" PRIu64, report->outcomes[was][is]);
                const char *const cells[] = {NAMES[was], NAMES[is], count};
                enum colour colour = was == is              ? COLOUR_NONE
                                     : is == REPLAY_STARTED ? COLOUR_GOOD
                                                            : COLOUR_BAD;
                screen_row(screen, COLUMNS, 3, cells, colour, 1);
            }
        }
    }
    screen_print("\n");
    print_waits(report, screen);
    if (report->pace.count > 0) {
        screen_print("\nEach webhook came within %" PRIu64 " ms of its moment (p50; p99 %" PRIu64
                     " ms, max %" PRIu64 " ms).\n",
                     wait_histogram_percentile(&report->pace, 50),
                     wait_histogram_percentile(&report->pace, 99), report->pace.max_ms);
    }
}

static void add_waits(struct json_line *line, const char *name, const struct wait_histogram *waits)
{
    json_line_open(line, name, '{');
    json_line_number(line, "count", waits->count);
    for (size_t i = 0; i < PERCENTILE_COUNT; i++) {
        json_line_number(line, PERCENTILES[i].name, percentile(waits, i));
    }
    json_line_close(line, '}');
}

void replay_report_to_json(const struct replay_report *report, struct json_line *line)
{
    json_line_number(line, "calls", report->calls);
    json_line_open(line, "outcomes", '[');
    for (unsigned was = 0; was < REPLAY_OUTCOME_COUNT; was++) {
        for (unsigned is = 0; is < REPLAY_OUTCOME_COUNT; is++) {
            if (report->outcomes[was][is] > 0) {
                json_line_open_element(line);
                json_line_text(line, "original", view_of_text(NAMES[was]));
                json_line_text(line, "replay", view_of_text(NAMES[is]));
                json_line_number(line, "calls", report->outcomes[was][is]);
                json_line_close(line, '}');
            }
        }
    }
    json_line_close(line, ']');
    json_line_open(line, "waited_ms", '{');
    add_waits(line, "original", &report->original);
    add_waits(line, "replay", &report->replay);
    json_line_close(line, '}');
    add_waits(line, "off_pace_ms", &report->pace);
}
