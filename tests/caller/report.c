// See report.h. Percentiles are nearest-rank: a value that was measured, never one in between.
#include "report.h"

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_BYTES_MAX 65536

struct spread {
    size_t count;
    uint32_t p50, p99, max;
};

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static struct spread spread_of(uint32_t *values, size_t count)
{
    if (count == 0) {
        return (struct spread){0};
    }
    qsort(values, count, sizeof *values, compare);
    return (struct spread){count, values[(count - 1) / 2], values[(count * 99 + 99) / 100 - 1],
                           values[count - 1]};
}

static double seconds(uint64_t us)
{
    return (double)us / 1e6;
}

static double rate(const struct sent *sent)
{
    return sent->took_us ? (double)sent->acknowledged / seconds(sent->took_us) : 0;
}

// --- for people -------------------------------------------------------------------------------

static void print_line_if(const char *label, const char *text)
{
    if (*text) {
        printf("  %-14s %s\n", label, text);
    }
}

static const char *state_of_one(const struct outcome *outcome)
{
    for (unsigned i = 0; i < OUTCOME_STATE_COUNT; i++) {
        if (outcome->states[i] > 0) {
            return outcome_state_name((enum outcome_state)i);
        }
    }
    return "not acknowledged";
}

static void print_story(const struct plan *plan, const struct sent *sent,
                        const struct outcome *outcome, struct spread latency)
{
    const struct outcome_story *story = outcome ? &outcome->story : NULL;
    printf("call %s\n", plan->webhooks[0].call_id);
    if (sent->acknowledged > 0) {
        printf("  %-14s after %.1f ms%s\n", "acknowledged", latency.max / 1000.0,
               sent->spooled ? ", by the spool" : "");
    }
    if (!story || sent->acknowledged == 0) {
        return;
    }
    print_line_if("state", state_of_one(outcome));
    print_line_if("reason", story->reason);
    print_line_if("route", story->route);
    print_line_if("agent", story->agent);
    print_line_if("attempts", story->attempts);
    print_line_if("HTTP status", story->http_status);
    print_line_if("session", story->session_id);
    print_line_if("room", story->room_url);
    print_line_if("worker", story->worker);
    print_line_if("error", story->error);
    if (outcome->ring_to_start_count > 0) {
        printf("  %-14s %" PRIu32 " ms\n", "ring to start", outcome->ring_to_start_ms[0]);
    }
}

static void print_sent(const struct sent *sent, struct spread latency)
{
    printf("sent           %" PRIu64 " in %.2f s, acknowledged %" PRIu64 " (%.0f a second)\n",
           sent->sends, seconds(sent->took_us), sent->acknowledged, rate(sent));
    if (sent->spooled > 0) {
        printf("  by the spool %" PRIu64 "\n", sent->spooled);
    }
    for (unsigned status = 0; status < SENDER_STATUS_END; status++) {
        if (sent->statuses[status] > 0) {
            printf("  status %-5u %" PRIu64 "\n", status, sent->statuses[status]);
        }
    }
    if (sent->not_sent > 0) {
        printf("  no connection %" PRIu64 "\n", sent->not_sent);
    }
    if (sent->unknown > 0) {
        printf("  no answer    %" PRIu64 "\n", sent->unknown);
    }
    if (latency.count > 0) {
        printf("answered in    p50 %.1f ms, p99 %.1f ms, max %.1f ms\n", latency.p50 / 1000.0,
               latency.p99 / 1000.0, latency.max / 1000.0);
    }
}

static void print_outcome(const struct outcome *outcome, struct spread ring)
{
    printf("calls          %" PRIu64 " after %.2f s\n", outcome->calls, seconds(outcome->took_us));
    for (unsigned i = 0; i < OUTCOME_STATE_COUNT; i++) {
        if (outcome->states[i] > 0) {
            printf("  %-12s %" PRIu64 "\n", outcome_state_name((enum outcome_state)i),
                   outcome->states[i]);
        }
    }
    for (size_t i = 0; i < outcome->reason_count; i++) {
        printf("    %-10s %" PRIu64 "\n", outcome->reasons[i].name, outcome->reasons[i].count);
    }
    if (ring.count > 0) {
        printf("ring to start  p50 %" PRIu32 " ms, p99 %" PRIu32 " ms, max %" PRIu32 " ms\n",
               ring.p50, ring.p99, ring.max);
    }
}

// --- as JSON ----------------------------------------------------------------------------------

static void add_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, ",\"%s\":", name);
    if (*text) {
        json_append_text(out, view_of_text(text));
    } else {
        bytes_append_text(out, "null");
    }
}

// As a number where it is one: Redis keeps all as text.
static void add_number(struct bytes *out, const char *name, const char *digits)
{
    bool is_number = *digits && strspn(digits, "0123456789") == strlen(digits);
    bytes_printf(out, ",\"%s\":%s", name, is_number ? digits : "null");
}

static void add_spread(struct bytes *out, const char *name, struct spread spread, double unit)
{
    if (spread.count == 0) {
        bytes_printf(out, ",\"%s\":null", name);
        return;
    }
    bytes_printf(out, ",\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, spread.p50 / unit,
                 spread.p99 / unit, spread.max / unit);
}

static void add_sent(struct bytes *out, const struct sent *sent, struct spread latency)
{
    const char *separator = "";
    bytes_printf(out,
                 "\"sent\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"spooled\":%" PRIu64
                 ",\"not_sent\":%" PRIu64 ",\"unknown\":%" PRIu64
                 ",\"seconds\":%.6f,\"acknowledged_per_second\":%.1f,\"statuses\":{",
                 sent->sends, sent->acknowledged, sent->spooled, sent->not_sent, sent->unknown,
                 seconds(sent->took_us), rate(sent));
    for (unsigned status = 0; status < SENDER_STATUS_END; status++) {
        if (sent->statuses[status] > 0) {
            bytes_printf(out, "%s\"%u\":%" PRIu64, separator, status, sent->statuses[status]);
            separator = ",";
        }
    }
    bytes_append_text(out, "}");
    add_spread(out, "answered_ms", latency, 1000);
    add_text(out, "error", sent->error);
    add_text(out, "refusal", sent->refusal);
}

static void add_story(struct bytes *out, const char *call_id, const struct outcome *outcome)
{
    const struct outcome_story *story = &outcome->story;
    bytes_append_text(out, ",\"call\":{\"call_id\":");
    json_append_text(out, view_of_text(call_id));
    add_text(out, "state", state_of_one(outcome));
    add_text(out, "reason", story->reason);
    add_text(out, "route", story->route);
    add_text(out, "agent", story->agent);
    add_number(out, "attempts", story->attempts);
    add_number(out, "http_status", story->http_status);
    add_text(out, "session_id", story->session_id);
    add_text(out, "room_url", story->room_url);
    add_text(out, "worker", story->worker);
    add_text(out, "error", story->error);
    bytes_append_text(out, "}");
}

static void add_outcome(struct bytes *out, const struct outcome *outcome, struct spread ring)
{
    bytes_printf(out, ",\"calls\":{\"total\":%" PRIu64, outcome->calls);
    for (unsigned i = 0; i < OUTCOME_STATE_COUNT; i++) {
        bytes_printf(out, ",\"%s\":%" PRIu64, outcome_state_name((enum outcome_state)i),
                     outcome->states[i]);
    }
    bytes_append_text(out, "},\"reasons\":{");
    for (size_t i = 0; i < outcome->reason_count; i++) {
        bytes_append_text(out, i > 0 ? "," : "");
        json_append_text(out, view_of_text(outcome->reasons[i].name));
        bytes_printf(out, ":%" PRIu64, outcome->reasons[i].count);
    }
    bytes_printf(out, "},\"waited_seconds\":%.3f", seconds(outcome->took_us));
    add_spread(out, "ring_to_start_ms", ring, 1);
}

static void print_json(const struct plan *plan, const struct sent *sent,
                       const struct outcome *outcome, struct spread latency, struct spread ring)
{
    struct bytes out;
    bytes_init(&out, OUTPUT_BYTES_MAX);
    bytes_append_text(&out, "{");
    add_sent(&out, sent, latency);
    if (outcome) {
        add_outcome(&out, outcome, ring);
    }
    if (plan->count == 1 && outcome) {
        add_story(&out, plan->webhooks[0].call_id, outcome);
    } else if (plan->count == 1 && !plan->options->events) {
        add_text(&out, "call_id", plan->webhooks[0].call_id);
    }
    printf("%s}\n", bytes_text(&out));
    bytes_release(&out);
}

void report_print(const struct plan *plan, struct sent *sent, struct outcome *outcome)
{
    struct spread latency = spread_of(sent->latencies_us, sent->latency_count);
    struct spread ring = {0};
    if (outcome) {
        ring = spread_of(outcome->ring_to_start_ms, outcome->ring_to_start_count);
    }
    if (plan->options->json) {
        print_json(plan, sent, outcome, latency, ring);
    } else if (plan->count == 1 && plan->options->repeat == 1 && !plan->options->events) {
        print_story(plan, sent, outcome, latency);
    } else {
        print_sent(sent, latency);
        if (outcome) {
            print_outcome(outcome, ring);
        }
    }
}

void report_trouble(const struct plan *plan, const struct sent *sent, const struct outcome *outcome)
{
    const char *url = plan->options->url;
    if (sent->sends > 0 && sent->not_sent == sent->sends) {
        fprintf(stderr,
                "dialin-caller: nobody answers at %s (%s): start the ingress with `make run` or "
                "`docker compose up`, or name another address with --url\n",
                url, sent->error);
    } else if (sent->not_sent + sent->unknown > 0) {
        fprintf(stderr,
                "dialin-caller: %" PRIu64 " webhooks got no answer from %s (first error: %s)\n",
                sent->not_sent + sent->unknown, url, sent->error);
    }
    if (sent->refusal[0]) {
        fprintf(stderr, "dialin-caller: %s refused a webhook: %s\n", url, sent->refusal);
    }
    if (outcome && outcome->states[OUTCOME_unread] > 0) {
        fprintf(stderr,
                "dialin-caller: what became of %" PRIu64
                " calls is unknown: check REDIS_URL and that Redis runs\n",
                outcome->states[OUTCOME_unread]);
    }
}
