// See spool_orphans.h. Whatever stands in the folder may have been put there by somebody else: a
// record in a spool file carries no signature, so only files of this user are read.
#include "spool_orphans.h"

#include "log.h"
#include "loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *spool_folder_problem(int folder)
{
    struct stat status;
    if (fstat(folder, &status)) {
        return strerror(errno);
    }
    if (status.st_uid != geteuid() && status.st_uid != 0) {
        return "belongs to another user: chown it to the user that runs the ingress";
    }
    return status.st_mode & S_IWOTH ? "can be written by everybody, who could forge calls there: "
                                      "chmod o-w, or name a folder of its own"
                                    : NULL;
}

static bool is_looked_for(const char *name, const char *suffix)
{
    size_t len = strlen(name), suffix_len = strlen(suffix);
    return len < SPOOL_FILE_NAME_BYTES && len > suffix_len &&
           !strcmp(name + len - suffix_len, suffix);
}

static void complain(struct spool_orphans *orphans, const char *name)
{
    uint64_t now_ms = loop_now_ms();
    if (!orphans->complained_ms || now_ms - orphans->complained_ms > SPOOL_COMPLAIN_EVERY_MS) {
        orphans->complained_ms = now_ms;
        log_error("ignored a spool file that cannot be trusted: it must be a regular file of "
                  "the user that runs the ingress, and others must not be able to write to it",
                  log_text("file", name));
    }
}

void spool_orphans_look(struct spool_orphans *orphans, const struct spool_search *search)
{
    int copy = openat(search->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    size_t room = search->room;
    for (unsigned i = 0; list && i < SPOOL_NAMES_MAX && room > 0; i++) {
        const struct dirent *found = readdir(list);
        if (!found) {
            break;
        }
        if (!is_looked_for(found->d_name, search->suffix) ||
            search->is_in_use(found->d_name, search->arg)) {
            continue;
        }
        struct spool_file *file = spool_file_adopt(search->folder, found->d_name);
        if (file) {
            search->on_orphan(file, search->arg);
            room--;
        } else if (errno == EPERM) {
            complain(orphans, found->d_name);
        }
    }
    if (list) {
        closedir(list);
    } else if (copy >= 0) {
        close(copy);
    }
}
