// The command line of dialin-audit. Plain memory; texts point into argv.
#ifndef DIALIN_AUDIT_OPTIONS_H
#define DIALIN_AUDIT_OPTIONS_H

#include "screen.h"
#include "selection.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_SPEED_MAX 1000.0
#define OPTIONS_AHT_MAX 86400
#define OPTIONS_URL_MAX 1000
#define OPTIONS_LIST_LIMIT                                                                         \
    50 // calls that `list`, `dead list` and `refused` show unless told otherwise

enum export_format { EXPORT_JSON, EXPORT_CSV };

struct options {
    const char *command;  // list, show, …
    const char *argument; // CALL_ID, NUMBER, or the action of `dead`; NULL: none
    struct selection selection;
    bool json;
    bool watch;
    bool reveal;      // numbers of callers as they are
    bool hides;       // on a terminal this command hides them, unless `reveal`
    bool full;        // of show: long texts whole, also on a terminal
    bool follow;      // of tail
    bool has_lines;   // of tail: -n was given
    uint64_t lines;   // how many events of before
    const char *call; // of tail: this call's events only; NULL: all
    const char *event;
    const char *env_file; // settings that the environment lacks; NULL: none
    enum screen_colours colours;
    bool yes;
    const char *operator_name; // of pause, resume, cancel; NULL: who runs this
    const char *intent;        // the id under which it is recorded already; NULL: it is not
    bool live;
    bool detach; // of replay --live
    bool resume;
    const char *to_url; // of replay
    double speed;       // of replay; 0: as fast as it goes
    uint64_t handle_s;  // of staffing: --aht
    uint64_t before_ms; // of dead purge; 0: not given
    const char *routes; // a file
    const char *by;     // of stats: "route" or "agent"; NULL: not asked for
    const char *output; // a file
    const char *number; // of doctor: the one that is to be pointed at `url`
    const char *url;
    bool from_daily;
    enum export_format format;
};

enum options_verdict {
    OPTIONS_RUN,
    OPTIONS_DONE,  // --help or --version, printed already
    OPTIONS_USAGE, // wrong usage, reported already
};
enum options_verdict options_parse(struct options *options, int argc, char **argv);

#endif
