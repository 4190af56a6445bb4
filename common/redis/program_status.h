// The status of a long-running program, for operators: a JSON text in Redis that is written
// every PROGRAM_STATUS_EVERY_MS and expires, so that a program that has died is gone from it. It
// holds the settings in force, secrets as `set`. A new problem is written within
// PROGRAM_STATUS_LOOK_MS, once in PROGRAM_STATUS_EVERY_MS, so that alerts need not wait for it.
#ifndef DIALIN_PROGRAM_STATUS_H
#define DIALIN_PROGRAM_STATUS_H

#include "config.h"
#include "json_line.h"
#include "loop.h"
#include "redis.h"

#define PROGRAM_STATUS_EVERY_MS 5000
#define PROGRAM_STATUS_LOOK_MS 500
#define PROGRAM_STATUS_LIVES_S 15
#define PROGRAM_STATUS_NAME_BYTES 256

struct program_status_settings {
    const char *program; // worker, ingress
    const char *name;    // unique among the programs of this kind; copied
    const char *prefix;  // REDIS_PREFIX
    const struct config_option *table;
    const void *settings; // read in program_status_open and program_status_reload only
    // Adds members: how much is in work, the limits. Called at each writing.
    void (*describe)(struct json_line *line, void *arg);
    const char *(*not_ready_reason)(void *arg); // as admin_not_ready_reason
    // How many problems were counted so far that people are alerted of. Called every
    // PROGRAM_STATUS_LOOK_MS.
    uint64_t (*count_problems)(const void *arg);
    void *arg;
};

struct program_status;

// The connection is borrowed. A write that Redis refuses is logged by nobody and changes nothing:
// the program only is not listed.
struct program_status *program_status_open(struct loop *loop, struct redis *redis,
                                           const struct program_status_settings *settings);
void program_status_reload(struct program_status *status, const void *settings);
void program_status_close(struct program_status *status); // after the connection; NULL is allowed

#endif
