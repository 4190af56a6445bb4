// See file_watch.h.
#include "file_watch.h"

#include "memory.h"

#include <stdlib.h>
#include <sys/stat.h>

// What tells two versions of a file apart; zero if the file is absent.
struct version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct file_watch {
    const char *path;
    struct loop_timer *timer;
    struct version reported, last;
    file_watch_on_change *on_change;
    void *arg;
};

static struct version version_of(const char *path)
{
    struct stat status;
    struct version version = {0};
    if (stat(path, &status) == 0) {
        version.device = status.st_dev;
        version.inode = status.st_ino;
        version.size = status.st_size;
        version.changed = status.st_mtim;
    }
    return version;
}

static bool is_same(const struct version *a, const struct version *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void look(void *arg)
{
    struct file_watch *watch = arg;
    struct version now = version_of(watch->path);
    bool is_settled = is_same(&now, &watch->last);
    watch->last = now;
    loop_timer_start(watch->timer, FILE_WATCH_MS);
    if (is_settled && !is_same(&now, &watch->reported)) {
        watch->reported = now;
        watch->on_change(watch->arg);
    }
}

struct file_watch *file_watch_open(struct loop *loop, const char *path,
                                   file_watch_on_change *on_change, void *arg)
{
    struct file_watch *watch = memory_zeroed(sizeof *watch);
    watch->path = path;
    watch->reported = watch->last = version_of(path);
    watch->on_change = on_change;
    watch->arg = arg;
    watch->timer = loop_timer_open(loop, look, watch);
    loop_timer_start(watch->timer, FILE_WATCH_MS);
    return watch;
}

void file_watch_close(struct file_watch *watch)
{
    if (watch) {
        loop_timer_close(watch->timer);
        free(watch);
    }
}
