// dialin-audit staffing: how many sessions the busiest five minutes needed, by the samples of the
// counts that workers store each minute and the formulas of worker/history/erlang.h.
#include "command.h"
#include "erlang.h"
#include "json_line.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>

#define MS_PER_MINUTE 60000
#define BUSY_MINUTES 5
#define PAGE 256 // samples asked for at once
#define FIELDS 6
#define HOLD_S 110
#define ANSWERED_S 20
#define LOST_MAX 0.01
#define ANSWERED_MIN 0.8
#define ROWS_AROUND 2 // rows of the table below and above the answer
#define DAYS_DEFAULT 7
#define MS_PER_DAY (24 * 3600 * UINT64_C(1000))

struct sample {
    uint64_t at_ms;   // 0: there is none of that minute
    uint64_t offered; // calls that had started or were lost by then
};

struct staffing {
    struct audit *audit;
    struct sample ring[BUSY_MINUTES + 1]; // the last samples, by minute
    uint64_t samples;
    double calls_per_s; // of the busiest span
    uint64_t from_ms, to_ms, calls;
};

static void ask(struct database *database, uint64_t minute)
{
    static const char *const NAMES[FIELDS] = {"at_ms",        "started",       "dead:expired",
                                              "dead:unknown", "dead:rejected", "dead:invalid"};
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, minute);
    struct bytes_view argv[2 + FIELDS] = {VIEW("HMGET"),
                                          database_key(database, REDIS_KEY_MINUTE, number)};
    for (size_t i = 0; i < FIELDS; i++) {
        argv[2 + i] = view_of_text(NAMES[i]);
    }
    database_send(database, 2 + FIELDS, argv);
}

// Compares a sample with the one of BUSY_MINUTES before, or of one less if that minute has none.
// Shorter spans would say more than they know.
static void take(struct staffing *staffing, uint64_t minute, const struct sample *sample)
{
    const size_t slots = BUSY_MINUTES + 1;
    staffing->ring[minute % slots] = *sample;
    staffing->samples += sample->at_ms > 0;
    for (uint64_t back = BUSY_MINUTES; sample->at_ms > 0 && back >= BUSY_MINUTES - 1; back--) {
        const struct sample *earlier = &staffing->ring[(minute - back) % slots];
        if (earlier->at_ms == 0 || earlier->at_ms >= sample->at_ms) {
            continue;
        }
        uint64_t span_ms = sample->at_ms - earlier->at_ms;
        uint64_t calls =
            sample->offered > earlier->offered ? sample->offered - earlier->offered : 0;
        double rate = (double)calls * 1000 / (double)span_ms;
        if (rate >= staffing->calls_per_s) {
            staffing->calls_per_s = rate;
            staffing->from_ms = earlier->at_ms;
            staffing->to_ms = sample->at_ms;
            staffing->calls = calls;
        }
        return;
    }
}

static bool read_page(struct staffing *staffing, uint64_t from, uint64_t to)
{
    struct database *database = staffing->audit->database;
    for (uint64_t minute = from; minute <= to; minute++) {
        ask(database, minute);
    }
    for (uint64_t minute = from; minute <= to; minute++) {
        struct sample sample = {0};
        redisReply *reply = database_receive_shaped(database, "[?s]");
        if (!reply) {
            return false;
        }
        sample.at_ms = view_number(reply_view_at(reply, 0));
        for (size_t i = 1; i < FIELDS; i++) {
            sample.offered += view_number(reply_view_at(reply, i));
        }
        take(staffing, minute, &sample);
        freeReplyObject(reply);
    }
    return true;
}

static bool read_samples(struct staffing *staffing)
{
    const struct selection *selection = &staffing->audit->options->selection;
    uint64_t now_ms = database_now_ms(staffing->audit->database);
    uint64_t since_ms =
        selection->since_ms ? selection->since_ms : now_ms - DAYS_DEFAULT * MS_PER_DAY;
    uint64_t until_ms = selection->until_ms < now_ms ? selection->until_ms : now_ms;
    uint64_t last = until_ms / MS_PER_MINUTE;
    for (uint64_t minute = since_ms / MS_PER_MINUTE; minute <= last; minute += PAGE) {
        uint64_t to = minute + PAGE - 1 < last ? minute + PAGE - 1 : last;
        if (!read_page(staffing, minute, to)) {
            return false;
        }
    }
    return true;
}

// --- printing ---------------------------------------------------------------------------------

static void print_table(const struct erlang_load *load, unsigned needed)
{
    unsigned first = needed > ROWS_AROUND ? needed - ROWS_AROUND : 1;
    screen_print("\n%8s %7s %13s\n", "SESSIONS", "LOST", "IN TIME");
    for (unsigned sessions = first; sessions <= needed + ROWS_AROUND; sessions++) {
        const struct erlang_service service = erlang_service(load, sessions);
        screen_print("%8u %5.1f %% %11.1f %%%s\n", sessions, 100 * service.lost,
                     100 * service.answered, sessions == needed ? "  <" : "");
    }
}

static void print_text(const struct staffing *staffing, const struct erlang_load *load,
                       unsigned needed)
{
    char from[TIME_TEXT_BYTES], to[TIME_TEXT_BYTES];
    time_text_print_short(staffing->from_ms, from);
    time_text_print_short(staffing->to_ms, to);
    screen_print("busiest: %" PRIu64 " calls from %s to %s, %.3f a second\n", staffing->calls, from,
                 to, staffing->calls_per_s);
    screen_print("load: %.1f Erlang at %.0f s a call\n", staffing->calls_per_s * load->handle_s,
                 load->handle_s);
    screen_print(
        "needed: %u sessions, so that at most %.0f %% are lost and %.0f %% are served within "
        "%d s\n",
        needed, 100 * LOST_MAX, 100 * ANSWERED_MIN, ANSWERED_S);
    print_table(load, needed);
}

static void print_json(const struct staffing *staffing, const struct erlang_load *load,
                       unsigned needed)
{
    struct json_line line;
    json_line_init(&line);
    json_line_number(&line, "from_ms", staffing->from_ms);
    json_line_number(&line, "to_ms", staffing->to_ms);
    json_line_number(&line, "calls", staffing->calls);
    json_line_number(&line, "aht_s", (uint64_t)load->handle_s);
    json_line_number(&line, "sessions", needed);
    screen_json(&line, stdout);
    json_line_release(&line);
}

enum exit_code staffing_run(struct audit *audit)
{
    struct staffing staffing = {.audit = audit};
    if (!read_samples(&staffing)) {
        return EXIT_NOT_DONE;
    }
    if (staffing.calls == 0) {
        screen_complain("%s", staffing.samples < BUSY_MINUTES
                                  ? "too few samples of that time are kept: workers store one "
                                    "a minute, for RETENTION_DAYS"
                                  : "nobody rang in that time");
        return EXIT_NOT_DONE;
    }
    const struct erlang_load load = {
        .calls_per_s = staffing.calls_per_s,
        .handle_s = (double)audit->options->handle_s,
        .hold_s = HOLD_S,
        .answered_in_s = ANSWERED_S,
    };
    unsigned needed = erlang_sessions(&load, LOST_MAX, ANSWERED_MIN);
    if (audit->options->json) {
        print_json(&staffing, &load, needed);
    } else {
        print_text(&staffing, &load, needed);
    }
    return EXIT_DONE;
}
