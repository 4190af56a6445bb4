// See spool_files.h.
#include "spool_files.h"

#include "log.h"
#include "loop.h"

#include <errno.h>
#include <string.h>

// --- the list -----------------------------------------------------------------------------------

static void count_bytes(struct spool_files *files, uint64_t bytes)
{
    files->bytes = bytes;
    *files->held = (int64_t)bytes;
}

bool spool_files_have(const struct spool_files *files, const char *name)
{
    const struct spool_file *file = files->first;
    while (file && strcmp(file->name, name) != 0) {
        file = file->next;
    }
    return file != NULL;
}

void spool_files_add(struct spool_files *files, struct spool_file *file)
{
    struct spool_file **link = &files->first;
    // If one is being drained, it stays the first: the new one goes to the end.
    while (*link && (files->first_is_leaving || strcmp((*link)->name, file->name) < 0)) {
        link = &(*link)->next;
    }
    file->next = *link;
    *link = file;
    files->count++;
    count_bytes(files, files->bytes + file->held);
}

static void drop(struct spool_files *files, struct spool_file *file)
{
    struct spool_file **link = &files->first;
    while (*link != file) {
        link = &(*link)->next;
    }
    *link = file->next;
    files->count--;
    count_bytes(files, files->bytes - file->held);
    spool_file_close(file);
}

// --- errors of the disk -------------------------------------------------------------------------

void spool_files_complain(struct spool_files *files, const char *step, int error)
{
    log_error(files->kind->failing, log_text("step", step), log_text("error", strerror(error)));
    files->failed_ms = loop_now_ms();
}

bool spool_files_are_pausing(const struct spool_files *files)
{
    return files->failed_ms > 0 && loop_now_ms() - files->failed_ms < SPOOL_PAUSE_MS;
}

// --- appending ----------------------------------------------------------------------------------

// The last, unless it was an orphan or is broken.
struct spool_file *spool_files_to_append_to(struct spool_files *files)
{
    for (struct spool_file *file = files->first; file; file = file->next) {
        if (!file->is_broken) {
            return file;
        }
    }
    struct spool_file *file =
        files->count < SPOOL_FILES_MAX ? spool_file_make(files->folder, files->kind->suffix) : NULL;
    if (!file) {
        spool_files_complain(files, "making a file",
                             files->count < SPOOL_FILES_MAX ? errno : EMFILE);
        return NULL;
    }
    spool_files_add(files, file);
    return file;
}

bool spool_files_append(struct spool_files *files, struct spool_file *file,
                        struct bytes_view record)
{
    uint64_t before = file->bytes;
    bool is_whole = spool_file_append(file, record);
    int error = errno;
    file->held += file->bytes - before;
    count_bytes(files, files->bytes + file->bytes - before);
    if (!is_whole) {
        spool_files_complain(files, "write", error);
    }
    return is_whole;
}

// --- the end of a file --------------------------------------------------------------------------

struct spool_file *spool_files_to_drain(const struct spool_files *files)
{
    struct spool_file *file = files->first;
    while (file && file->is_done) {
        file = file->next;
    }
    return file;
}

// A file that cannot be taken out of the folder stays locked, so that nobody finds it again.
static bool has_left_the_folder(struct spool_files *files, struct spool_file *file)
{
    bool has_left = file->has_damage ? spool_file_put_aside(file) : spool_file_remove(file);
    if (!has_left && !file->is_done) {
        spool_files_complain(files, "taking a drained file away", errno);
    } else if (has_left && file->has_damage) {
        log_error(
            "a spool file is damaged: its readable records are in the stream, the file is kept",
            log_text("file", file->name));
        (*files->damaged)++;
    } else if (has_left) {
        log_info("spool file drained", log_text("file", file->name));
    }
    return has_left;
}

void spool_files_end(struct spool_files *files, struct spool_file *file)
{
    file->is_broken = true;
    if (has_left_the_folder(files, file)) {
        drop(files, file);
    } else {
        file->is_done = true;
    }
}

void spool_files_clear(struct spool_files *files)
{
    struct spool_file *next = NULL;
    for (struct spool_file *file = files->first; file; file = next) {
        next = file->next;
        if (file->is_done && has_left_the_folder(files, file)) {
            drop(files, file);
        }
    }
}

void spool_files_close(struct spool_files *files)
{
    while (files->first) {
        struct spool_file *file = files->first;
        if (file->bytes == 0) {
            spool_file_remove(file);
        }
        drop(files, file);
    }
}
