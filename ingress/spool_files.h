// The files of a spool that hold one kind of record, oldest first: the disk space that they take,
// and whether their disk fails.
#ifndef DIALIN_SPOOL_FILES_H
#define DIALIN_SPOOL_FILES_H

#include "bytes.h"
#include "spool_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_PAUSE_MS 1000 // after a disk error, before the next file is tried
#define SPOOL_FILES_MAX 64  // in use at once

// The names of a kind; constants.
struct spool_kind {
    const char *suffix;          // of the names of its files
    const char *failing, *found; // lines of the log: its disk fails; an orphan was found
};

struct spool_files {
    const struct spool_kind *kind;
    int folder; // borrowed
    struct spool_file *first;
    size_t count;
    bool first_is_leaving; // its records are on their way to Redis: it stays the first
    uint64_t failed_ms;    // when the disk last failed; 0: it did not
    uint64_t bytes;
    int64_t *held;     // gauge of `bytes`
    uint64_t *damaged; // counter of files put aside
};

bool spool_files_have(const struct spool_files *files, const char *name);
void spool_files_add(struct spool_files *files, struct spool_file *file); // which it owns then

// The file that is appended to. Returns NULL, after the error was logged, if none can be made.
struct spool_file *spool_files_to_append_to(struct spool_files *files);

// Returns false, after the error was logged, if nothing of `record` counts.
bool spool_files_append(struct spool_files *files, struct spool_file *file,
                        struct bytes_view record);

// The first that is not drained, or NULL.
struct spool_file *spool_files_to_drain(const struct spool_files *files);

// It is drained: takes it out of the folder, now or at the next spool_files_clear.
void spool_files_end(struct spool_files *files, struct spool_file *file);
void spool_files_clear(struct spool_files *files);

// Logs an error of the disk, which is left alone for SPOOL_PAUSE_MS then.
void spool_files_complain(struct spool_files *files, const char *step, int error);
bool spool_files_are_pausing(const struct spool_files *files);

void spool_files_close(struct spool_files *files); // their content stays

#endif
