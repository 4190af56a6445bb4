// See options.h. One table of commands and one of flags; a flag says which commands take it.
#include "options.h"

#include "audit_settings.h"
#include "option_values.h"
#include "phone_number.h"
#include "spelling.h"
#include "screen.h"
#include "time_text.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "dialin-audit"

enum command {
    LIST,
    SHOW,
    TAIL,
    STATS,
    VERIFY,
    REPLAY,
    DEAD,
    EXPORT,
    FORGET,
    REFUSED,
    NOW,
    STAFFING,
    DOCTOR,
    SECRETS,
    PAUSE,
    UNPAUSE,
    CANCEL,
    COMMAND_COUNT
};
#define OF(command) (1U << (command))
#define OF_SELECTION (OF(LIST) | OF(REPLAY))
#define OF_HIDING (OF(LIST) | OF(SHOW) | OF(TAIL) | OF(DEAD) | OF(REFUSED) | OF(VERIFY))
#define OF_OPERATORS (OF(PAUSE) | OF(UNPAUSE) | OF(CANCEL))

enum arguments { NO_ARGUMENT, ONE_ARGUMENT, MAYBE_ARGUMENT };

static const struct {
    const char *name;
    enum arguments arguments;
    const char *usage, *help;
} COMMANDS[COMMAND_COUNT] = {
    [LIST] = {"list", NO_ARGUMENT, "list", "calls, newest first"},
    [SHOW] = {"show", ONE_ARGUMENT, "show CALL_ID", "one call's whole story"},
    [TAIL] = {"tail", NO_ARGUMENT, "tail", "events as they happen; Ctrl-C ends it"},
    [STATS] = {"stats", NO_ARGUMENT, "stats", "the account, outcomes and waiting times"},
    [VERIFY] = {"verify", NO_ARGUMENT, "verify",
                "transforms every webhook again, and compares with what was sent"},
    [REPLAY] = {"replay", MAYBE_ARGUMENT, "replay [CALL_ID]", "puts webhooks through again"},
    [DEAD] = {"dead", ONE_ARGUMENT, "dead list|purge", "the dead letters"},
    [EXPORT] = {"export", NO_ARGUMENT, "export", "webhooks, events and outcomes, in order"},
    [FORGET] = {"forget", ONE_ARGUMENT, "forget NUMBER",
                "erases what is kept of a person's number, in any spelling"},
    [REFUSED] = {"refused", NO_ARGUMENT, "refused", "genuine webhooks that were no call, and why"},
    [NOW] = {"now", NO_ARGUMENT, "now", "who waits, for how long, and who will be lost"},
    [STAFFING] = {"staffing", NO_ARGUMENT, "staffing --aht SECONDS",
                  "how many sessions the busiest five minutes needed"},
    [DOCTOR] = {"doctor", NO_ARGUMENT, "doctor",
                "what is wrong between Daily, us, Redis and the agent, and what to do"},
    [SECRETS] = {"secrets", NO_ARGUMENT, "secrets --from-daily",
                 "writes the secrets of Daily's numbers into a file, for PINLESS_HMAC_SECRET_FILE"},
    [PAUSE] = {"pause", ONE_ARGUMENT, "pause AGENT", "no call of this agent asks; they wait"},
    [UNPAUSE] = {"resume", ONE_ARGUMENT, "resume AGENT", "its calls ask again"},
    [CANCEL] = {"cancel", ONE_ARGUMENT, "cancel CALL_ID",
                "ends a call that is queued or waiting: no bot for it"},
};

enum flag {
    FLAG_FIRST = 256,
    SINCE,
    UNTIL,
    STATE,
    REASON,
    VERDICT,
    FROM,
    TO,
    AGENT,
    ROUTE,
    KIND,
    LIMIT,
    BEFORE,
    SPEED,
    LIVE,
    YES,
    ROUTES,
    BY,
    OUTPUT,
    FORMAT,
    RESUME,
    WATCH,
    REVEAL,
    FULL,
    LINES,
    FOLLOW,
    OF_CALL,
    EVENT,
    ENV_FILE,
    COLOR,
    AHT,
    NUMBER,
    URL,
    FROM_DAILY,
    OPERATOR,
    INTENT,
    DETACH,
    JSON,
    HELP,
    VERSION
};

static const struct {
    enum flag flag;
    unsigned commands;
    const char *name, *value, *help;
} FLAGS[] = {
    {SINCE,
     OF_SELECTION | OF(STAFFING) | OF(STATS) | OF(VERIFY) | OF(EXPORT) | OF(DEAD) | OF(REFUSED),
     "since", "TIME", "calls from this time on"},
    {UNTIL,
     OF_SELECTION | OF(STAFFING) | OF(STATS) | OF(VERIFY) | OF(EXPORT) | OF(DEAD) | OF(REFUSED),
     "until", "TIME", "calls up to this time"},
    {STATE, OF_SELECTION, "state", "STATE",
     "queued, starting, waiting, started, dead, duplicate or unknown"},
    {REASON, OF_SELECTION | OF(DEAD), "reason", "REASON",
     "expired, unknown, rejected, invalid, declined, abandoned, served, cancelled or conflict"},
    {VERDICT, OF_SELECTION, "verdict", "VERDICT",
     "by Daily's events: connected, ended, never_connected or failed"},
    {FROM, OF_SELECTION, "from", "NUMBER",
     "who rang, in any spelling; +1415* for all that begin so"},
    {TO, OF_SELECTION, "to", "NUMBER", "which number was rung, likewise"},
    {AGENT, OF_SELECTION | OF(TAIL), "agent", "NAME",
     "the agent's name, or host and path of its URL"},
    {ROUTE, OF_SELECTION, "route", "NAME", "the route's name"},
    {KIND, OF_SELECTION, "kind", "KIND", "dialin, dialout or trunk"},
    {LIMIT, OF_SELECTION | OF(DEAD) | OF(REFUSED), "limit", "N",
     "at most so many; 0: all (list, dead and refused: 50)"},
    {TO, OF(REPLAY), "to", "URL", "/start of another agent, which is sent REPLAY_API_KEY only"},
    {SPEED, OF(REPLAY), "speed", "FACTOR", "1: as they rang (the default); 10; max"},
    {LIVE, OF(REPLAY), "live", NULL, "to the live agent: dead calls whose callers may still hold"},
    {YES, OF(REPLAY) | OF(DEAD) | OF(FORGET) | OF(DOCTOR) | OF_OPERATORS, "yes", NULL,
     "do it; without it nothing is changed"},
    {BEFORE, OF(DEAD), "before", "TIME", "purge: dead letters written before this time"},
    {BY, OF(STATS), "by", "GROUP", "route or agent: outcomes and waiting times of each"},
    {ROUTES, OF(VERIFY) | OF(REPLAY), "routes", "FILE", "tries this file of routes"},
    {OUTPUT, OF(EXPORT), "output", "FILE", "where it goes (standard output)"},
    {FROM_DAILY, OF(SECRETS), "from-daily", NULL, "asks Daily, with DAILY_API_KEY"},
    {OUTPUT, OF(SECRETS), "output", "FILE", "where they go: a file that only its owner reads"},
    {WATCH, OF(SECRETS), "watch", NULL, "asks again every few seconds, until Ctrl-C"},
    {NUMBER, OF(DOCTOR), "number", "NUMBER",
     "points this number at --url; says what, without --yes"},
    {URL, OF(DOCTOR), "url", "URL", "where Daily should send webhooks: https://…/api/dial"},
    {FORMAT, OF(EXPORT), "format", "FORMAT", "json (one object a line) or csv"},
    {RESUME, OF(EXPORT), "resume", NULL, "goes on where --output ends"},
    {WATCH, OF(NOW), "watch", NULL, "draws it again each second, until Ctrl-C"},
    {OF_CALL, OF(TAIL), "call", "CALL_ID", "this call's events only"},
    {EVENT, OF(TAIL), "event", "EVENT", "attempt, waiting, started, dead, ... only"},
    {LINES, OF(TAIL), "lines", "N", "the last N events, and ends; also -n"},
    {FOLLOW, OF(TAIL), "follow", NULL, "goes on after --lines; also -f"},
    {FULL, OF(SHOW), "full", NULL, "long texts whole, where a terminal would cut them"},
    {REVEAL, OF(NOW), "reveal", NULL, "shows numbers of callers as they are"},
    {REVEAL, OF_HIDING, "reveal", NULL, "shows numbers of callers on a terminal"},
    {AHT, OF(STAFFING), "aht", "SECONDS", "how long a call lasts on average, with its bot"},
    {COLOR, ~0U, "color", "WHEN", "auto, always or never; NO_COLOR is heeded"},
    {ENV_FILE, ~0U, "env-file", "FILE", "settings that the environment lacks, as NAME=value"},
    {DETACH, OF(REPLAY), "detach", NULL, "with --live: does not wait for the outcomes"},
    {OPERATOR, OF_OPERATORS, "operator", "NAME", "who is recorded as having done it (this login)"},
    {INTENT, OF_OPERATORS, "intent", "ID", "it is recorded already, by the board, under this id"},
    {JSON, ~(OF(EXPORT) | OF(SECRETS)), "json", NULL, "one JSON object a line, for programs"},
};
#define FLAG_COUNT (sizeof FLAGS / sizeof FLAGS[0])

static void print_flags(enum command command)
{
    bool has_time = false;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (FLAGS[i].commands & OF(command)) {
            char flag[32];
            snprintf(flag, sizeof flag, "--%s %s", FLAGS[i].name,
                     FLAGS[i].value ? FLAGS[i].value : "");
            printf("  %-18s %s\n", flag, FLAGS[i].help);
            has_time = has_time || (FLAGS[i].value && !strcmp(FLAGS[i].value, "TIME"));
        }
    }
    if (has_time) {
        printf("\nTIME is " TIME_TEXT_FORMS("\n") ".\n");
    }
}

// Of `stats`: each figure of the trade with its formula.
static const char FIGURES[] =
    "\nThe figures of the trade, of dial-ins since the stream was made:\n\n"
    "  offered     answered + lost\n"
    "  answered    calls that got a bot\n"
    "  lost        dead calls that are expired, unknown, rejected or invalid\n"
    "  mean wait   average speed of answer: the answered calls' waiting time / answered\n"
    "  within 20 s service level: answered within 20 s of ringing / offered\n"
    "  max         longest wait of an answered call that is kept\n";

static const char LEFT[] =
    "\nWebhooks and Daily's events in the spool of an ingress are not in Redis yet: they are\n"
    "recorded when the spool drains, also after this command. When every spool is empty\n"
    "(dialin-audit doctor, dialin_spool_bytes, dialin_spool_events_bytes), run it again.\n"
    "Backups, exports and Redis' append-only file keep what they have.\n";

static void print_command_help(enum command command)
{
    printf("dialin-audit %s\n%s\n\n", COMMANDS[command].usage, COMMANDS[command].help);
    print_flags(command);
    fputs(command == STATS ? FIGURES : command == FORGET ? LEFT : "", stdout);
}

static void print_help(void)
{
    printf("dialin-audit " DIALIN_VERSION "\n"
           "Reads the record of every call out of Redis: what happened, and what would happen.\n"
           "Exit code 0: it did what was asked; 1: not; 2: wrong usage.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        printf("  %-18s %s\n", COMMANDS[i].usage, COMMANDS[i].help);
    }
    printf("\ndialin-audit COMMAND --help lists the command's flags.\n\n"
           "Environment, each also as NAME_FILE:\n");
    config_print_table(AUDIT_SETTINGS_TABLE);
}

static bool is_url(const char *text)
{
    return strstr(text, "://") != NULL;
}

// Flags that are taken as they come: each has its member.
static const struct {
    enum flag flag;
    size_t at;
} SWITCHES[] =
    {
        {LIVE, offsetof(struct options, live)},
        {YES, offsetof(struct options, yes)},
        {RESUME, offsetof(struct options, resume)},
        {WATCH, offsetof(struct options, watch)},
        {REVEAL, offsetof(struct options, reveal)},
        {FULL, offsetof(struct options, full)},
        {FOLLOW, offsetof(struct options, follow)},
        {JSON, offsetof(struct options, json)},
        {DETACH, offsetof(struct options, detach)},
        {FROM_DAILY, offsetof(struct options, from_daily)},
},
  TEXTS[] = {
      {FROM, offsetof(struct options, selection.from)},
      {AGENT, offsetof(struct options, selection.agent)},
      {ROUTE, offsetof(struct options, selection.route)},
      {OF_CALL, offsetof(struct options, call)},
      {EVENT, offsetof(struct options, event)},
      {ENV_FILE, offsetof(struct options, env_file)},
      {ROUTES, offsetof(struct options, routes)},
      {OUTPUT, offsetof(struct options, output)},
      {INTENT, offsetof(struct options, intent)},
};

// Returns false if the flag is not among them.
static bool take_plain(struct options *options, enum flag flag, const char *value)
{
    for (size_t i = 0; i < sizeof SWITCHES / sizeof SWITCHES[0]; i++) {
        if (SWITCHES[i].flag == flag) {
            *(bool *)((char *)options + SWITCHES[i].at) = true;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        if (TEXTS[i].flag == flag) {
            *(const char **)(void *)((char *)options + TEXTS[i].at) = value;
            return true;
        }
    }
    return false;
}

static bool take_flag(struct options *options, enum command command, enum flag flag,
                      const char *value)
{
    struct selection *selection = &options->selection;
    switch (flag) {
    case SINCE:
        return option_time("--since", value, &selection->since_ms);
    case UNTIL:
        return option_time("--until", value, &selection->until_ms);
    case BEFORE:
        return option_time("--before", value, &options->before_ms);
    case STATE:
        return option_state(value, options);
    case LIMIT:
        return option_limit("--limit", value, &selection->limit);
    case SPEED:
        return option_speed(value, &options->speed);
    case FORMAT:
        return option_format(value, options);
    case REASON:
        return option_reason(value, selection);
    case VERDICT:
        return option_verdict(value, selection);
    case AHT:
        return option_handle_s(value, options);
    case KIND:
        return option_kind(value, selection);
    case TO:
        if (command == REPLAY && is_url(value)) {
            options->to_url = value;
        } else {
            selection->to = value;
        }
        return true;
    case LINES:
        options->has_lines = true;
        return option_limit("--lines", value, &options->lines);
    case COLOR:
        return option_colours(value, &options->colours);
    case OPERATOR:
        options->operator_name = value;
        return *value || option_complain("--operator", "is empty");
    case BY:
        options->by = value;
        return !strcmp(value, "route") || !strcmp(value, "agent") ||
               option_complain("--by", "is route or agent");
    case NUMBER:
        options->number = value;
        return option_number(value);
    case URL:
        options->url = value;
        return option_url(value);
    default:
        return take_plain(options, flag, value);
    }
}

// Checks that involve several flags.
static bool check(const struct options *options, enum command command)
{
    const char *what = options->argument ? options->argument : "";
    if (options->selection.since_ms > options->selection.until_ms) {
        return option_complain("--since", "is later than --until");
    }
    if (command == REPLAY && options->to_url && options->live) {
        return option_complain("--live", "and --to URL exclude each other");
    }
    if (command == REPLAY && !options->to_url && !options->live) {
        return option_complain("replay", "needs --to URL, or --live");
    }
    if (command == REPLAY && options->live && options->routes) {
        return option_complain("--live", "and --routes FILE exclude each other");
    }
    if (command == DEAD && strcmp(what, "list") != 0 && strcmp(what, "purge") != 0) {
        return option_complain("dead", "is followed by list or purge");
    }
    if (command == DEAD && !strcmp(what, "purge") && !options->before_ms) {
        return option_complain("dead purge", "needs --before TIME");
    }
    struct phone_number number;
    if (command == FORGET && !phone_number_read(&number, view_of_text(what))) {
        return option_complain(what,
                               "is neither a number nor a SIP address; nothing is looked for");
    }
    if (command == STAFFING && !options->handle_s) {
        return option_complain("staffing", "needs --aht SECONDS");
    }
    if (command == DOCTOR && options->number && !options->url) {
        return option_complain("--number", "needs --url");
    }
    if (command == DOCTOR && options->yes && !options->number) {
        return option_complain("--yes", "needs --number and --url: all else is only looked at");
    }
    if (command == SECRETS && (!options->from_daily || !options->output)) {
        return option_complain("secrets", "needs --from-daily and --output FILE");
    }
    if (command == EXPORT && options->resume && !options->output) {
        return option_complain("--resume", "needs --output FILE");
    }
    return true;
}

static bool find_command(const char *name, enum command *command)
{
    for (size_t i = 0; name && i < COMMAND_COUNT; i++) {
        if (!strcmp(COMMANDS[i].name, name)) {
            *command = (enum command)i;
            return true;
        }
    }
    return false;
}

static void complain_of_command(const char *name)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = COMMANDS[i].name;
    }
    const char *meant = name ? spelling_nearest(name, names, COMMAND_COUNT) : NULL;
    if (!name) {
        option_complain("a command", "is missing; see dialin-audit --help");
    } else if (meant) {
        fprintf(stderr, PROGRAM ": %.100s is not a command; did you mean %s?\n", name, meant);
    } else {
        fprintf(stderr, PROGRAM ": %.100s is not a command; see dialin-audit --help\n", name);
    }
}

static size_t make_long_options(enum command command, struct option *out)
{
    size_t count = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (FLAGS[i].commands & OF(command)) {
            out[count++] =
                (struct option){FLAGS[i].name, FLAGS[i].value ? required_argument : no_argument,
                                NULL, (int)FLAGS[i].flag};
        }
    }
    out[count++] = (struct option){"help", no_argument, NULL, HELP};
    out[count++] = (struct option){0};
    return count;
}

static bool take_arguments(struct options *options, enum command command, int argc, char **argv)
{
    enum arguments wanted = COMMANDS[command].arguments;
    int count = argc - optind;
    options->argument = count > 0 ? argv[optind] : NULL;
    if (count > 1 || (count == 1 && wanted == NO_ARGUMENT) ||
        (count == 0 && wanted == ONE_ARGUMENT)) {
        screen_complain("usage: dialin-audit %s [--help]", COMMANDS[command].usage);
        return false;
    }
    return true;
}

static enum options_verdict parse_flags(struct options *options, enum command command, int argc,
                                        char **argv)
{
    struct option long_options[FLAG_COUNT + 2];
    make_long_options(command, long_options);
    if (!spelling_check_flags(argc, argv, long_options)) {
        return OPTIONS_USAGE;
    }
    for (int flag; (flag = getopt_long(argc, argv, command == TAIL ? "hn:f" : "h", long_options,
                                       NULL)) != -1;) {
        if (flag == HELP || flag == 'h') {
            print_command_help(command);
            return OPTIONS_DONE;
        }
        flag = flag == 'n' ? (int)LINES : flag == 'f' ? (int)FOLLOW : flag;
        if (flag == '?' || !take_flag(options, command, (enum flag)flag, optarg)) {
            return OPTIONS_USAGE; // reported already
        }
    }
    bool is_good = take_arguments(options, command, argc, argv) && check(options, command);
    return is_good ? OPTIONS_RUN : OPTIONS_USAGE;
}

enum options_verdict options_parse(struct options *options, int argc, char **argv)
{
    static char program_name[] = PROGRAM;
    enum command command = LIST;
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name && (!strcmp(name, "--version") || !strcmp(name, "-V"))) {
        printf("dialin-audit " DIALIN_VERSION "\n");
        return OPTIONS_DONE;
    }
    if (name && !strcmp(name, "help") && find_command(argc > 2 ? argv[2] : NULL, &command)) {
        print_command_help(command);
        return OPTIONS_DONE;
    }
    if (name && (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))) {
        print_help();
        return OPTIONS_DONE;
    }
    if (!find_command(name, &command)) {
        complain_of_command(name);
        return OPTIONS_USAGE;
    }
    *options = (struct options){.command = name, .speed = 1};
    options->selection.until_ms = UINT64_MAX;
    options->selection.limit =
        command == LIST || command == DEAD || command == REFUSED ? OPTIONS_LIST_LIMIT : 0;
    options->hides = OF_HIDING & OF(command);
    argc--;
    argv++;
    char *const word = argv[0]; // the caller's
    argv[0] = program_name;     // in place of the command, for the complaints of getopt_long
    enum options_verdict verdict = parse_flags(options, command, argc, argv);
    argv[0] = word;
    return verdict;
}
