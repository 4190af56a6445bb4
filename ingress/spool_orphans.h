// Finds the spool files that no living ingress uses, and tells of those that are not to be trusted.
#ifndef DIALIN_SPOOL_ORPHANS_H
#define DIALIN_SPOOL_ORPHANS_H

#include "spool_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_NAMES_MAX 4096           // files of the folder that one search looks at
#define SPOOL_COMPLAIN_EVERY_MS 600000 // of files that are left alone

struct spool_orphans {
    uint64_t complained_ms; // 0: not yet
};

typedef bool spool_is_in_use(const char *name, void *arg);
typedef void spool_on_orphan(struct spool_file *file, void *arg); // the file is the callee's

struct spool_search {
    int folder;
    const char *suffix; // of the names looked for
    size_t room;        // for so many files
    spool_is_in_use *is_in_use;
    spool_on_orphan *on_orphan;
    void *arg;
};

// Searches the folder and hands over at most `room` files, each locked.
void spool_orphans_look(struct spool_orphans *orphans, const struct spool_search *search);

// NULL if the folder can be trusted with webhooks, else a sentence: it must be ours or root's, and
// others must not be able to write to it.
const char *spool_folder_problem(int folder);

#endif
