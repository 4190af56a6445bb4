// Configuration from the environment, by one table: the same rows fill the struct, report every
// bad variable at once, and print --help. Each variable NAME may come as NAME_FILE, the path of a
// file that holds the value (one trailing newline is cut); both set is a problem. An empty value
// counts as unset, so that `NAME=` in a compose file means the default.
#ifndef DIALIN_CONFIG_H
#define DIALIN_CONFIG_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_kind {
    CONFIG_TEXT,   // char *, owned; NULL when unset and without default
    CONFIG_SECRET, // as CONFIG_TEXT, but its value is never printed, and is wiped on release
    CONFIG_PATH,   // as CONFIG_TEXT, but without the _FILE form
    CONFIG_NUMBER, // uint64_t from `min` to `max`
    CONFIG_FLAG,   // bool: true or false
    CONFIG_LATER,  // no member: any value but the default is refused, with `help` as the reason
};

struct config_option {
    const char *name;
    enum config_kind kind;
    size_t offset;        // of the member in the settings struct
    const char *fallback; // the default as text; NULL: none
    uint64_t min, max;    // CONFIG_NUMBER only
    const char *help;     // one sentence, with the unit
};

#define CONFIG_VALUE_BYTES_MAX 65536

// The problems of the configuration, one line each.
struct config_problems {
    struct bytes text;
    unsigned count;
};

void config_problems_init(struct config_problems *problems);
void config_problems_release(struct config_problems *problems);

// Adds "NAME: sentence". The sentence tells the reader how to mend it, and never holds a secret.
void config_problem(struct config_problems *problems, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Fills `settings` (zeroed by the caller) from the environment. `table` ends with a row without a
// name. Problems are added; members with a problem keep their default.
void config_load(const struct config_option *table, void *settings,
                 struct config_problems *problems);
void config_release(const struct config_option *table, void *settings);

// A digest of which files hold values, and of their inodes, sizes and times: it changes if one of
// them does. Counts NAME_FILE of each row, the path of a CONFIG_PATH, and the paths of `also`,
// which ends with NULL, if they are regular files. `also` may be NULL.
uint64_t config_files(const struct config_option *table, const char *const *also);

// The value of a secret that no table names, from NAME or the file that NAME_FILE names. The caller
// wipes and frees it. NULL if it is not set, or has a problem, which is added.
char *config_find_secret(const char *name, struct config_problems *problems);

// The request of the command line; programs take no other arguments.
enum config_command {
    CONFIG_RUN,
    CONFIG_CHECK,        // --check-config: report whether the configuration is good, and leave
    CONFIG_CHECK_ONLINE, // --check-config --online: asks the other programs, too
    CONFIG_PRINT,        // --print-config: print every variable as it is in force, and leave
    CONFIG_DONE,         // --help or --version, printed already: exit code 0
    CONFIG_USAGE,        // unknown argument, reported already: exit code 2
};
enum config_command config_command_line(int argc, char **argv, const char *program,
                                        const char *summary, const struct config_option *table);

// The value of a row as text, cut at `size`; a secret is `set` or empty.
#define CONFIG_TEXT_BYTES (CONFIG_VALUE_BYTES_MAX + 1)
void config_value_text(const struct config_option *option, const void *settings, char *text,
                       size_t size);

// Prints NAME=value for each row of the table; a secret is `set` or empty.
void config_print_values(const struct config_option *table, const void *settings);

// Prints the --help rows of a table, for programs with a command line of their own.
void config_print_table(const struct config_option *table);

// Settings of every long-running program; CONFIG_COMMON_OPTIONS makes their rows.
struct config_common {
    char *redis_url;
    char *redis_prefix;
    char *redis_ca_file, *redis_cert, *redis_key; // paths; NULL: not given
    uint64_t redis_wait_replicas;                 // 0: Redis alone is enough
    uint64_t admin_port;                          // 0: no admin port
    char *admin_addr;                             // numeric
    char *log_level;
    char *log_format;
};

// Rows for `struct config_common member` inside `struct type`.
#define CONFIG_COMMON_OPTIONS(type, member, admin_port_default)                                    \
    {"REDIS_URL",                                                                                  \
     CONFIG_SECRET,                                                                                \
     offsetof(struct type, member.redis_url),                                                      \
     "redis://127.0.0.1:6379",                                                                     \
     0,                                                                                            \
     0,                                                                                            \
     "Redis 7.0 or newer: redis[s]://[user:password@]host[:port][/db], unix:///path, "             \
     "redis+sentinel://host:26379,host:26379/master[/db] or redis+cluster://host,host"},           \
        {"REDIS_CA_FILE",                                                                          \
         CONFIG_PATH,                                                                              \
         offsetof(struct type, member.redis_ca_file),                                              \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "rediss://: file of the CA that signs Redis' certificate; default: the system's CAs"},    \
        {"REDIS_CERT",                                                                             \
         CONFIG_PATH,                                                                              \
         offsetof(struct type, member.redis_cert),                                                 \
         NULL,                                                                                     \
         0,                                                                                        \
         0,                                                                                        \
         "rediss://: file of the certificate that Redis wants of its clients, if it wants one"},   \
        {"REDIS_KEY", CONFIG_PATH, offsetof(struct type, member.redis_key),   NULL,                \
         0,           0,           "rediss://: file of the key of REDIS_CERT"},                    \
        {"REDIS_PREFIX",                                                                           \
         CONFIG_TEXT,                                                                              \
         offsetof(struct type, member.redis_prefix),                                               \
         "{dialin}",                                                                               \
         0,                                                                                        \
         0,                                                                                        \
         "first part of every key; the braces keep all keys in one cluster slot"},                 \
        {"REDIS_WAIT_REPLICAS",                                                                    \
         CONFIG_NUMBER,                                                                            \
         offsetof(struct type, member.redis_wait_replicas),                                        \
         "0",                                                                                      \
         0,                                                                                        \
         100,                                                                                      \
         "replicas of Redis that must have what is acknowledged, or sent to the agent"},           \
        {"ADMIN_PORT",                                                                             \
         CONFIG_NUMBER,                                                                            \
         offsetof(struct type, member.admin_port),                                                 \
         admin_port_default,                                                                       \
         0,                                                                                        \
         65535,                                                                                    \
         "port of /healthz, /readyz and /metrics; 0 turns it off"},                                \
        {"ADMIN_ADDR",                                                                             \
         CONFIG_TEXT,                                                                              \
         offsetof(struct type, member.admin_addr),                                                 \
         "127.0.0.1",                                                                              \
         0,                                                                                        \
         0,                                                                                        \
         "numeric address to listen on for ADMIN_PORT; the container image sets 0.0.0.0"},         \
        {"LOG_LEVEL", CONFIG_TEXT, offsetof(struct type, member.log_level),     "info",            \
         0,           0,           "error, warning, info or debug, in any case"},                  \
    {                                                                                              \
        "LOG_FORMAT", CONFIG_TEXT, offsetof(struct type, member.log_format), "text", 0, 0,         \
            "text or json"                                                                         \
    }

// Checks the things that the table cannot (log level and format, prefix) and opens the log.
void config_common_apply(const struct config_common *common, const char *program,
                         struct config_problems *problems);

// Can this be the first part of every key?
void config_check_prefix(const char *name, const char *prefix, struct config_problems *problems);

// Raises the limit of open files to `needed`, or adds a problem that names `because`.
void config_need_open_files(uint64_t needed, const char *because, struct config_problems *problems);

#endif
