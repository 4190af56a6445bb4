// See process_metrics.h. The names that begin with `process_` are those of Prometheus' own clients.
#include "process_metrics.h"

#include "log.h"
#include "memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define US_PER_S 1000000
#define STAT_BYTES 1024

struct process_metrics {
    uint64_t *dropped;
    int64_t *cpu_us, *resident, *open_fds;
};

static uint64_t resident_bytes(void)
{
    char text[STAT_BYTES] = ""; // pages in all, pages in memory, and more
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        (void)!fgets(text, sizeof text, file);
        fclose(file);
    }
    return strtoull(text + strcspn(text, " "), NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int64_t count_open_fds(void)
{
    int64_t count = -3; // `.`, `..` and the folder itself
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) {
        return 0;
    }
    while (readdir(folder)) {
        count++;
    }
    closedir(folder);
    return count;
}

static int64_t us_of(struct timeval time)
{
    return (int64_t)time.tv_sec * US_PER_S + time.tv_usec;
}

static void collect(void *arg)
{
    const struct process_metrics *metrics = arg;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        *metrics->cpu_us = us_of(usage.ru_utime) + us_of(usage.ru_stime);
    }
    *metrics->resident = (int64_t)resident_bytes();
    *metrics->open_fds = count_open_fds();
    *metrics->dropped = log_dropped();
}

struct process_metrics *process_metrics_open(struct metrics *metrics)
{
    struct process_metrics *process = memory_zeroed(sizeof *process);
    struct rlimit files = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    *metrics_gauge(metrics, "dialin_build_info", "1; the version is a label.",
                   "version=\"" DIALIN_VERSION "\"") = 1;
    process->cpu_us = metrics_counter_us(metrics, "process_cpu_seconds_total",
                                         "CPU time that the process has used.");
    process->resident =
        metrics_gauge(metrics, "process_resident_memory_bytes", "Memory in use.", NULL);
    process->open_fds = metrics_gauge(metrics, "process_open_fds", "Open file descriptors.", NULL);
    *metrics_gauge(metrics, "process_max_fds", "The most that may be open.", NULL) =
        (int64_t)files.rlim_cur;
    *metrics_gauge(metrics, "process_start_time_seconds", "When it started, since 1970.", NULL) =
        (int64_t)time(NULL);
    process->dropped = metrics_counter(metrics, "dialin_log_lines_dropped_total",
                                       "Lines of the log that could not be written.", NULL);
    metrics_before_print(metrics, collect, process);
    return process;
}

void process_metrics_close(struct process_metrics *process_metrics)
{
    free(process_metrics);
}
