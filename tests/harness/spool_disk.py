"""The folder of a spool, and a disk that fails under it."""

import subprocess

# Fails for the spool files whose names hold FAULT_OF, as the file that FAULT names says: "fdatasync",
# "write", "short" or "open"; "room 1000": the disk says that so many bytes are free; an empty file:
# nothing fails.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *fault_now(char text[32])
{
    text[0] = 0;
    FILE *file = fopen(getenv("FAULT"), "r");
    if (file) {
        if (!fgets(text, 32, file)) {
            text[0] = 0;
        }
        fclose(file);
    }
    return text;
}

static int is_on(const char *fault)
{
    char text[32];
    return !strcmp(fault_now(text), fault);
}

static int is_spool(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = 0;
    return strstr(path, getenv("FAULT_OF")) != NULL;
}

int fdatasync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (is_spool(fd) && is_on("fdatasync")) {
        errno = EIO;
        return -1;
    }
    return next(fd);
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t (*next)(int, const void *, size_t) =
        (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (len > 200 && is_spool(fd) && is_on("short")) {
        return next(fd, data, 100);
    }
    if (is_spool(fd) && (is_on("write") || is_on("short"))) {
        errno = ENOSPC;
        return -1;
    }
    return next(fd, data, len);
}

int openat64(int folder, const char *path, int flags, ...)
{
    int (*next)(int, const char *, int, ...) =
        (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    if ((flags & O_CREAT) && strstr(path, getenv("FAULT_OF")) && is_on("open")) {
        errno = EROFS;
        return -1;
    }
    return next(folder, path, flags, mode);
}

/* Under both of its names. */
static int little_room(int result, struct statvfs *disk)
{
    char text[32];
    if (!strncmp(fault_now(text), "room ", 5)) {
        disk->f_frsize = 1;
        disk->f_bavail = (fsblkcnt_t)atoll(text + 5);
    }
    return result;
}

int fstatvfs(int fd, struct statvfs *disk)
{
    int (*next)(int, struct statvfs *) = (int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs");
    return little_room(next(fd, disk), disk);
}

int fstatvfs64(int fd, struct statvfs64 *disk)
{
    int (*next)(int, struct statvfs64 *) = (int (*)(int, struct statvfs64 *))dlsym(RTLD_NEXT, "fstatvfs64");
    _Static_assert(sizeof(struct statvfs) == sizeof(struct statvfs64), "one form on 64 bits");
    return little_room(next(fd, disk), (struct statvfs *)disk);
}
"""


def build_shim(folder):
    (folder / "shim.c").write_text(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c", "-ldl"],
                   check=True)
    return folder / "shim.so"


def under(shim, control, of=".spool"):
    """The environment of a program whose disk fails as `control` says."""
    return {"LD_PRELOAD": shim, "FAULT": control, "FAULT_OF": of,
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


def files(folder, suffix=".spool"):
    return sorted(path for path in folder.iterdir() if path.suffix == suffix)
