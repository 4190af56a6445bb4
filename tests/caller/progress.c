// See progress.h.
#include "progress.h"

#include "loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVERY_MS 100
#define BAR_COLUMNS 30

void progress_init(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.is_on = !quiet && isatty(STDERR_FILENO)};
}

void progress_show(struct progress *progress, const char *what, size_t done, size_t total)
{
    static const char FULL[] = "##############################";
    static const char REST[] = "------------------------------";
    if (!progress->is_on || total == 0 || loop_now_ms() - progress->shown_ms < EVERY_MS) {
        return;
    }
    int columns = (int)(done * BAR_COLUMNS / total);
    progress->shown_ms = loop_now_ms();
    fprintf(stderr, "\r%-8s [%.*s%.*s] %zu of %zu ", what, columns, FULL, BAR_COLUMNS - columns,
            REST, done, total);
}

void progress_clear(struct progress *progress)
{
    if (progress->is_on && progress->shown_ms > 0) {
        fprintf(stderr, "\r%70s\r", "");
    }
}
