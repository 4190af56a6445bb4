// See progress.h.
#include "progress.h"

#include "loop.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY_MS 100
#define BAR_COLUMNS 30
#define ESTIMATE_AFTER_MS 1000
#define LINE_COLUMNS 96

void progress_init(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.is_on = !quiet && isatty(STDERR_FILENO)};
}

static void print_time_left(uint64_t passed_ms, size_t done, size_t total)
{
    if (done > 0 && passed_ms >= ESTIMATE_AFTER_MS) {
        uint64_t left_s = passed_ms * (total - done) / done / 1000;
        fprintf(stderr, ", %u:%02u left", (unsigned)(left_s / 60), (unsigned)(left_s % 60));
    }
    fprintf(stderr, "   "); // over the end of a longer line
}

void progress_show(struct progress *progress, const char *what, size_t done, size_t total)
{
    static const char FULL[] = "##############################";
    static const char REST[] = "------------------------------";
    uint64_t now_ms = loop_now_ms();
    if (progress->what != what) {
        progress->what = what;
        progress->begun_ms = now_ms;
    }
    if (!progress->is_on || total == 0 || now_ms - progress->shown_ms < EVERY_MS) {
        return;
    }
    done = done > total ? total : done;
    int columns = (int)(done * BAR_COLUMNS / total);
    progress->shown_ms = now_ms;
    fprintf(stderr, "\r%-9s [%.*s%.*s] %zu of %zu", what, columns, FULL, BAR_COLUMNS - columns,
            REST, done, total);
    print_time_left(now_ms - progress->begun_ms, done, total);
}

void progress_clear(struct progress *progress)
{
    if (progress->is_on && progress->shown_ms > 0) {
        fprintf(stderr, "\r%*s\r", LINE_COLUMNS, "");
    }
}
