// The commands of dialin-audit, each in a file of its own; they return the exit code.
#ifndef DIALIN_AUDIT_COMMAND_H
#define DIALIN_AUDIT_COMMAND_H

#include "audit_settings.h"
#include "database.h"
#include "options.h"
#include "screen.h"

enum exit_code { EXIT_DONE, EXIT_NOT_DONE, EXIT_USAGE };

// Given to every command; borrowed.
struct audit {
    const struct options *options;
    const struct audit_settings *settings;
    struct database *database;
    struct screen screen;
};

typedef enum exit_code command_run(struct audit *audit);
command_run list_run, show_run, tail_run, stats_run, verify_run, replay_run, dead_run, export_run,
    forget_run, refused_run, now_run, staffing_run, doctor_run, secrets_run, pause_run, resume_run,
    cancel_run;

#endif
