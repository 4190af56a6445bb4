// One file of a spool: made, found, appended to, read. It is locked (flock) by the ingress that
// uses it for as long as that lives; so an ingress that gets the lock of an existing file has
// found an orphan. Nothing here knows the meaning of its bytes.
#ifndef DIALIN_SPOOL_FILE_H
#define DIALIN_SPOOL_FILE_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPOOL_CALLS_SUFFIX ".spool"   // of the names of files of calls
#define SPOOL_EVENTS_SUFFIX ".events" // and of Daily's events
#define SPOOL_FILE_NAME_BYTES 64

struct spool_file {
    struct spool_file *next; // for its owner
    int folder;              // borrowed
    int fd;
    char name[SPOOL_FILE_NAME_BYTES];
    uint64_t bytes;   // written
    uint64_t held;    // of the disk; less than `bytes` if the file has holes
    uint64_t durable; // of them, on the disk
    uint64_t drained; // of them, in Redis
    bool is_done;     // drained, and could not be removed yet
    bool has_damage;  // parts of it could not be read
    bool is_broken;   // nothing further is appended, and no fdatasync is trusted
};

// A new file of mode 0600, in the folder for good, whose name ends with `suffix`. Returns NULL with
// errno set if that fails.
struct spool_file *spool_file_make(int folder, const char *suffix);

// A file that was there. NULL with errno set: EWOULDBLOCK if another ingress uses it, EPERM if it
// is not to be trusted (not a regular file with one name, another user's, or others may write to
// it): its content would reach the agent without a signature.
struct spool_file *spool_file_adopt(int folder, const char *name);

// The length of the hole in the file at `offset`; 0 if there is data.
uint64_t spool_file_hole(const struct spool_file *file, uint64_t offset);

// All of `data`, or nothing that counts: false, with errno, and the file is broken.
bool spool_file_append(struct spool_file *file, struct bytes_view data);

// Up to `most` bytes from `offset` on; false with errno.
bool spool_file_read(const struct spool_file *file, uint64_t offset, size_t most,
                     struct bytes *data);

// Takes it out of the folder; or puts it aside there under a name ending with ".damaged". False
// with errno.
bool spool_file_remove(struct spool_file *file);
bool spool_file_put_aside(struct spool_file *file);

void spool_file_close(struct spool_file *file); // and frees it; its content stays

#endif
