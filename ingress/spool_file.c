// A file's name begins with the time it was made, so that the names' order is the files' order. A
// new file is written to only when its name is on the disk too: without that an fdatasync of its
// contents would promise too much.
#include "spool_file.h"

#include "loop.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 512 // of st_blocks

static struct spool_file *file_new(int folder, int fd, const char *name)
{
    struct spool_file *file = memory_zeroed(sizeof *file);
    file->folder = folder;
    file->fd = fd;
    snprintf(file->name, sizeof file->name, "%s", name);
    return file;
}

struct spool_file *spool_file_make(int folder, const char *suffix)
{
    char name[SPOOL_FILE_NAME_BYTES];
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    snprintf(name, sizeof name, "%013llu-%08x%s", (unsigned long long)loop_wall_ms(), random,
             suffix);
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return NULL;
    }
    struct spool_file *file = file_new(folder, fd, name);
    if (flock(fd, LOCK_EX | LOCK_NB) || fsync(folder)) {
        int error = errno;
        spool_file_remove(file);
        spool_file_close(file);
        errno = error;
        return NULL;
    }
    return file;
}

static bool is_ours(const struct stat *status)
{
    return S_ISREG(status->st_mode) && status->st_uid == geteuid() && status->st_nlink == 1 &&
           !(status->st_mode & S_IWOTH);
}

// Between opening and locking, its former owner may have taken it away.
static bool lock_and_check(int folder, int fd, const char *name, struct stat *status)
{
    struct stat by_name;
    if (fstat(fd, status)) {
        return false;
    }
    if (!is_ours(status)) {
        errno = EPERM;
        return false;
    }
    errno = ENOENT;
    return !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, status) &&
           !fstatat(folder, name, &by_name, AT_SYMLINK_NOFOLLOW) &&
           status->st_ino == by_name.st_ino && is_ours(status);
}

struct spool_file *spool_file_adopt(int folder, const char *name)
{
    struct stat status;
    int fd = openat(folder, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        errno = errno == ENOENT ? ENOENT : EPERM; // a link, a device, or not ours to open
        return NULL;
    }
    if (!lock_and_check(folder, fd, name, &status)) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    struct spool_file *file = file_new(folder, fd, name);
    uint64_t on_disk = (uint64_t)status.st_blocks * BLOCK_BYTES;
    file->bytes = file->durable = (uint64_t)status.st_size;
    file->held = on_disk < file->bytes ? on_disk : file->bytes;
    file->is_broken = true; // it is read only
    return file;
}

uint64_t spool_file_hole(const struct spool_file *file, uint64_t offset)
{
    off_t data = lseek(file->fd, (off_t)offset, SEEK_DATA);
    if (data < 0) { // ENXIO: no data follows
        return errno == ENXIO && file->bytes > offset ? file->bytes - offset : 0;
    }
    return (uint64_t)data - offset;
}

bool spool_file_append(struct spool_file *file, struct bytes_view data)
{
    while (data.len > 0) {
        ssize_t written = write(file->fd, data.data, data.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            file->is_broken = true;
            return false;
        }
        file->bytes += (uint64_t)written;
        data = (struct bytes_view){data.data + written, data.len - (size_t)written};
    }
    return true;
}

bool spool_file_read(const struct spool_file *file, uint64_t offset, size_t most,
                     struct bytes *data)
{
    char piece[16384];
    bytes_clear(data);
    while (data->len < most) {
        size_t room = most - data->len;
        ssize_t got = pread(file->fd, piece, room < sizeof piece ? room : sizeof piece,
                            (off_t)(offset + data->len));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return false;
        }
        if (got == 0) {
            return true;
        }
        bytes_append(data, piece, (size_t)got);
    }
    return true;
}

bool spool_file_remove(struct spool_file *file)
{
    return unlinkat(file->folder, file->name, 0) == 0;
}

bool spool_file_put_aside(struct spool_file *file)
{
    char name[SPOOL_FILE_NAME_BYTES + sizeof ".damaged"];
    snprintf(name, sizeof name, "%s.damaged", file->name);
    return renameat(file->folder, file->name, file->folder, name) == 0;
}

void spool_file_close(struct spool_file *file)
{
    close(file->fd);
    free(file);
}
