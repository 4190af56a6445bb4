// How long it takes to find the route of a call, and nothing else: match_routes FILE WEBHOOK COUNT
// reads a routes file as the worker does, and asks COUNT times which route takes the webhook. Each
// time is another call, which rings a second later. Prints the mean of the processor's time and the
// name of the route.
#include "loop.h"
#include "memory.h"
#include "route_match.h"
#include "time_zone.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALL_ID_BYTES 32
#define NS_PER_S 1000000000
#define NS_PER_US 1000

static bool read_file(const char *path, struct bytes *text)
{
    char chunk[65536];
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(chunk, 1, sizeof chunk, file) : 0;
    while (len > 0 && bytes_append(text, chunk, len)) {
        len = fread(chunk, 1, sizeof chunk, file);
    }
    if (file) {
        fclose(file);
    }
    return text->len > 0;
}

static uint64_t processor_ns(void)
{
    struct timespec at = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
}

static void measure(const struct route_file *file, const cJSON *webhook, uint64_t count)
{
    const struct route_rule *rule = NULL;
    uint64_t rang_ms = loop_wall_ms(), begun_ns = processor_ns();
    for (uint64_t i = 0; i < count; i++) {
        char call_id[CALL_ID_BYTES];
        struct route_subject subject;
        snprintf(call_id, sizeof call_id, "bench-%08" PRIu64, i);
        route_subject_set(&subject, webhook, view_of_text(call_id), rang_ms + i * 1000);
        rule = route_choose(file, &subject);
    }
    printf("{\"us\":%.3f,\"route\":\"%s\"}\n",
           (double)(processor_ns() - begun_ns) / NS_PER_US / (double)count, rule ? rule->name : "");
}

int main(int argc, char **argv)
{
    static const struct route OWN = {.agent = "own", .start_url = "http://127.0.0.1/start"};
    const struct route_environment environment = {.agent = &OWN};
    struct route_file file;
    struct json_document webhook;
    struct bytes text, problem;
    uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    if (count == 0) {
        return 2;
    }
    json_init();
    time_zone_init();
    bytes_init(&text, ROUTE_FILE_BYTES_MAX);
    bytes_init(&problem, 4096);
    if (!read_file(argv[1], &text) || json_parse(&webhook, view_of_text(argv[2])) ||
        !route_file_parse(&file, bytes_view(&text), &environment, &problem)) {
        fprintf(stderr, "match-routes: %s: %s\n", argv[1], bytes_text(&problem));
        return 1;
    }
    measure(&file, webhook.tree, count);
    route_file_release(&file);
    json_release(&webhook);
    bytes_release(&text);
    bytes_release(&problem);
    return 0;
}
