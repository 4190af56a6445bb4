// Notices that a file was changed or replaced: looks at it every FILE_WATCH_MS, and reports a
// change once the file has stayed the same for as long, so that a file that is being written is
// left alone.
#ifndef DIALIN_FILE_WATCH_H
#define DIALIN_FILE_WATCH_H

#include "loop.h"

#define FILE_WATCH_MS 2000

struct file_watch;
typedef void file_watch_on_change(void *arg);

// `path` is borrowed. A file that is absent is watched too.
struct file_watch *file_watch_open(struct loop *loop, const char *path,
                                   file_watch_on_change *on_change, void *arg);
void file_watch_close(struct file_watch *watch); // NULL is allowed

#endif
