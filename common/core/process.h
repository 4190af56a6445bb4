// The frame of a long-running program: command line, configuration, and then its run.
#ifndef DIALIN_PROCESS_H
#define DIALIN_PROCESS_H

#include "config.h"
#include "findings.h"
#include "loop.h"

// How the settings of a program are read, at its start and again.
struct process_settings {
    const struct config_option *table; // fills the program's own struct
    size_t bytes;                      // of that struct
    const char *const *also;           // further files to look at, then NULL; NULL: there are none
    void (*load)(void *settings, struct config_problems *problems); // into a zeroed struct
    void (*release)(void *settings);
};

struct process {
    const char *program;
    const char *summary; // one sentence, for --help
    const struct process_settings *settings;
    int (*run)(const void *settings); // the exit code
    const char *question;             // a flag that takes an argument; NULL: there is none
    int (*answer)(const void *settings, const char *argument); // in place of `run`; the exit code
    // --check-config --online: asks Redis and the agent, and changes nothing there.
    void (*check_online)(const void *settings, struct findings *findings);
};

// Obeys the command line and returns the exit code. Before the run: no core dumps
// (they would hold secrets), no SIGPIPE, and every problem with the configuration is printed.
int process_main(int argc, char **argv, const struct process *process);

// Its parts, for programs with a command line of their own. process_init comes first: no core dumps
// (they would hold secrets), SIGPIPE and SIGHUP end nothing, JSON's memory guarded. process_report
// prints all problems and returns the exit code: 0 if there are none, which it prints, else 1.
void process_init(void);
int process_report(const struct config_problems *problems, const char *program);

// After SIGHUP, or within PROCESS_LOOK_MS after one of its files has changed (NAME_FILE, a path,
// or one of `also`), the configuration is loaded again, into settings of its own, and `apply` takes
// from there the ones that may change while the program runs; they stay until the next ones have
// been applied, or until the end. If they cannot be loaded, the error is logged and the old ones
// stay.
//
// To be closed after everything that has borrowed from the settings, and before the loop.
#define PROCESS_LOOK_MS 5000
struct process_reloader;
typedef void process_apply(const void *settings, void *arg);
struct process_reloader *process_reload_open(struct loop *loop,
                                             const struct process_settings *settings,
                                             process_apply *apply, void *arg);
void process_reload_close(struct process_reloader *reloader); // NULL is allowed

#endif
