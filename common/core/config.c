// See config.h. A row's value comes from NAME, or from the file that NAME_FILE names, or is its
// default; then its kind says how it is checked and stored.
#include "config.h"

#include "log.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PROBLEMS_BYTES_MAX (64 * 1024)
#define NAME_BYTES_MAX 64
#define NUMBER_DIGITS_MAX 18 // always fit 64 bits
#define PREFIX_BYTES_MAX 128

void config_problems_init(struct config_problems *problems)
{
    bytes_init(&problems->text, PROBLEMS_BYTES_MAX);
    problems->count = 0;
}

void config_problems_release(struct config_problems *problems)
{
    bytes_release(&problems->text);
}

void config_problem(struct config_problems *problems, const char *name, const char *format, ...)
{
    char sentence[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    // A sentence about REDIS_URL may come with its name in front already.
    bool is_named = !strncmp(sentence, name, strlen(name)) && sentence[strlen(name)] == ':';
    bytes_printf(&problems->text, is_named ? "  %s%s\n" : "  %s: %s\n", is_named ? "" : name,
                 sentence);
    problems->count++;
}

// --- one value --------------------------------------------------------------------------------

// Only a regular file holds a value: opening a FIFO would wait for a writer, and a device may never
// end. /dev/null is the usual name of an empty file. Returns 0, or the reason as an error number.
static int check_kind(const struct stat *status)
{
    bool is_null = S_ISCHR(status->st_mode) && status->st_rdev == makedev(1, 3);
    return S_ISDIR(status->st_mode) ? EISDIR : S_ISREG(status->st_mode) || is_null ? 0 : EINVAL;
}

// Opens the file of a value without waiting; -1 with a problem if it holds none.
static int open_file(const char *name, const char *path, struct config_problems *problems)
{
    struct stat status = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int error = fd < 0 || fstat(fd, &status) != 0 ? errno : check_kind(&status);
    if (error == EINVAL) {
        config_problem(problems, name, "'%.200s' is not a regular file", path);
    } else if (error) {
        config_problem(problems, name, "the file '%.200s' cannot be read: %s", path,
                       strerror(error));
    } else if (status.st_size > CONFIG_VALUE_BYTES_MAX) {
        config_problem(problems, name, "the file is longer than %d bytes", CONFIG_VALUE_BYTES_MAX);
    } else {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

// The value in the file at `path`, or NULL with a problem.
static char *read_file(const char *name, const char *path, struct config_problems *problems)
{
    int fd = open_file(name, path, problems);
    if (fd < 0) {
        return NULL;
    }
    char *value = memory_zeroed(CONFIG_VALUE_BYTES_MAX + 2);
    ssize_t more = 1;
    size_t len = 0;
    while (more > 0 && len <= CONFIG_VALUE_BYTES_MAX) { // it may have grown
        more = read(fd, value + len, CONFIG_VALUE_BYTES_MAX + 1 - len);
        len += more > 0 ? (size_t)more : 0;
    }
    int error = errno;
    close(fd);
    if (more < 0) {
        config_problem(problems, name, "the file '%.200s' cannot be read: %s", path,
                       strerror(error));
    } else if (len > CONFIG_VALUE_BYTES_MAX) {
        config_problem(problems, name, "the file is longer than %d bytes", CONFIG_VALUE_BYTES_MAX);
    } else if (strlen(value) != len) {
        config_problem(problems, name, "the file has NUL bytes");
    } else {
        if (len > 0 && value[len - 1] == '\n') {
            value[len - 1] = '\0';
        }
        return value;
    }
    memory_wipe(value, len);
    free(value);
    return NULL;
}

static bool has_control_bytes(const char *value)
{
    for (const char *c = value; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

// Returns the value as text, owned; NULL if it is unset or has a problem, which is added.
static char *find_value(const struct config_option *option, struct config_problems *problems)
{
    char file_name[NAME_BYTES_MAX];
    snprintf(file_name, sizeof file_name, "%s_FILE", option->name);
    const char *direct = getenv(option->name);
    const char *path = getenv(file_name);
    bool has_direct = direct && direct[0];
    bool has_path = path && path[0];
    if (has_path && option->kind == CONFIG_LATER) {
        config_problem(problems, file_name, "%s", option->help);
        has_path = false;
    } else if (has_path && option->kind == CONFIG_PATH) {
        config_problem(problems, file_name, "is not taken: set %s, which is a path itself",
                       option->name);
        has_path = false;
    }
    if (has_direct && has_path) {
        config_problem(problems, option->name, "is set, and %s too: remove one of them", file_name);
        return NULL;
    }
    char *value = has_direct ? memory_text(direct)
                  : has_path ? read_file(file_name, path, problems)
                             : NULL;
    if (value && has_control_bytes(value)) {
        config_problem(problems, has_direct ? option->name : file_name,
                       "has control characters or several lines");
        memory_wipe(value, strlen(value));
        value[0] = '\0';
    }
    if (value && !value[0]) {
        free(value);
        return NULL;
    }
    return value;
}

static uint64_t mix(uint64_t digest, uint64_t number)
{
    return (digest ^ number) * UINT64_C(0x100000001b3) ^ (number >> 32);
}

static uint64_t mix_file(uint64_t digest, const char *path)
{
    struct stat status;
    if (!path || stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return mix(digest, 0);
    }
    digest = mix(digest, status.st_ino);
    digest = mix(digest, (uint64_t)status.st_size);
    digest = mix(digest, (uint64_t)status.st_mtim.tv_sec);
    return mix(digest, (uint64_t)status.st_mtim.tv_nsec);
}

uint64_t config_files(const struct config_option *table, const char *const *also)
{
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    for (const struct config_option *option = table; option->name; option++) {
        char file_name[NAME_BYTES_MAX];
        snprintf(file_name, sizeof file_name, "%s%s", option->name,
                 option->kind == CONFIG_PATH ? "" : "_FILE");
        digest = mix_file(digest, getenv(file_name));
    }
    for (; also && *also; also++) {
        digest = mix_file(digest, *also);
    }
    return digest;
}

char *config_find_secret(const char *name, struct config_problems *problems)
{
    const struct config_option option = {.name = name, .kind = CONFIG_SECRET};
    if (strlen(name) + sizeof "_FILE" > NAME_BYTES_MAX) {
        config_problem(problems, name, "is longer than a variable's name may be");
        return NULL;
    }
    return find_value(&option, problems);
}

static bool parse_number(const struct config_option *option, const char *text, uint64_t *number)
{
    size_t len = strlen(text);
    if (len == 0 || len > NUMBER_DIGITS_MAX || strspn(text, "0123456789") != len) {
        return false;
    }
    uint64_t value = strtoull(text, NULL, 10);
    bool is_within = value >= option->min && value <= option->max;
    *number = is_within ? value : *number;
    return is_within;
}

static bool parse_flag(const char *text, bool *flag)
{
    static const char *const YES[] = {"true", "yes", "on", "1"};
    static const char *const NO[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof YES / sizeof YES[0]; i++) {
        *flag = !strcasecmp(text, YES[i]);
        if (*flag || !strcasecmp(text, NO[i])) {
            return true;
        }
    }
    return false;
}

// Stores a text. Returns false, with a sentence, if its kind does not allow it.
static bool store(const struct config_option *option, void *settings, const char *text,
                  struct config_problems *problems)
{
    char *member = (char *)settings + option->offset;
    switch (option->kind) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_PATH:
        free(*(char **)(void *)member);
        *(char **)(void *)member = memory_text(text);
        return true;
    case CONFIG_NUMBER:
        if (parse_number(option, text, (uint64_t *)(void *)member)) {
            return true;
        }
        config_problem(problems, option->name, "must be a number from %llu to %llu, not '%.64s'",
                       (unsigned long long)option->min, (unsigned long long)option->max, text);
        return false;
    case CONFIG_FLAG:
        if (parse_flag(text, (bool *)(void *)member)) {
            return true;
        }
        config_problem(problems, option->name, "must be true or false, not '%.64s'", text);
        return false;
    case CONFIG_LATER:
        if (!option->fallback || strcmp(option->fallback, text) != 0) {
            config_problem(problems, option->name, "%s", option->help);
        }
        return true;
    }
    return false;
}

void config_load(const struct config_option *table, void *settings,
                 struct config_problems *problems)
{
    for (const struct config_option *option = table; option->name; option++) {
        char *value = find_value(option, problems);
        bool is_stored = value && store(option, settings, value, problems);
        if (!is_stored && option->fallback) {
            store(option, settings, option->fallback, problems);
        }
        if (value) {
            memory_wipe(value, strlen(value));
            free(value);
        }
    }
}

void config_release(const struct config_option *table, void *settings)
{
    for (const struct config_option *option = table; option->name; option++) {
        if (option->kind == CONFIG_TEXT || option->kind == CONFIG_SECRET ||
            option->kind == CONFIG_PATH) {
            char **member = (char **)(void *)((char *)settings + option->offset);
            if (*member && option->kind == CONFIG_SECRET) {
                memory_wipe(*member, strlen(*member));
            }
            free(*member);
            *member = NULL;
        }
    }
}

// --- the command line -------------------------------------------------------------------------

void config_print_table(const struct config_option *table)
{
    for (const struct config_option *option = table; option->name; option++) {
        const char *fallback = option->fallback ? option->fallback : "unset";
        printf("  %s (default %s)  %s\n", option->name, fallback, option->help);
    }
}

void config_value_text(const struct config_option *option, const void *settings, char *text,
                       size_t size)
{
    const void *member = (const char *)settings + option->offset;
    const char *value = option->kind <= CONFIG_PATH ? *(char *const *)member : NULL; // else no text
    value = value ? value : "";
    switch (option->kind) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        snprintf(text, size, "%s", value);
        break;
    case CONFIG_SECRET:
        snprintf(text, size, "%s", value[0] ? "set" : "");
        break;
    case CONFIG_NUMBER:
        snprintf(text, size, "%llu", (unsigned long long)*(const uint64_t *)member);
        break;
    case CONFIG_FLAG:
        snprintf(text, size, "%s", *(const bool *)member ? "true" : "false");
        break;
    case CONFIG_LATER:
        snprintf(text, size, "%s", option->fallback ? option->fallback : "");
        break;
    }
}

void config_print_values(const struct config_option *table, const void *settings)
{
    char text[CONFIG_TEXT_BYTES];
    for (const struct config_option *option = table; option->name; option++) {
        config_value_text(option, settings, text, sizeof text);
        printf("%s=%s\n", option->name, text);
    }
}

enum config_command config_command_line(int argc, char **argv, const char *program,
                                        const char *summary, const struct config_option *table)
{
    const char *argument = argc == 2 ? argv[1] : "";
    if (argc == 1) {
        return CONFIG_RUN;
    }
    if (!strcmp(argument, "--check-config")) {
        return CONFIG_CHECK;
    }
    if (argc == 3 && !strcmp(argv[1], "--check-config") && !strcmp(argv[2], "--online")) {
        return CONFIG_CHECK_ONLINE;
    }
    if (!strcmp(argument, "--print-config")) {
        return CONFIG_PRINT;
    }
    if (!strcmp(argument, "--version")) {
        printf("%s %s\n", program, DIALIN_VERSION);
        return CONFIG_DONE;
    }
    if (!strcmp(argument, "--help")) {
        printf(
            "%s [--help | --version | --check-config [--online] | --print-config]\n%s\n\n"
            "Environment, each also as NAME_FILE, the path of a file that holds the value (paths "
            "excepted):\n",
            program, summary);
        config_print_table(table);
        return CONFIG_DONE;
    }
    fprintf(stderr,
            "%s: unknown argument '%.100s'\n"
            "usage: %s [--help | --version | --check-config [--online] | --print-config]\n",
            program, argv[argc - 1], program);
    return CONFIG_USAGE;
}

// --- settings of all programs -----------------------------------------------------------------

void config_check_prefix(const char *name, const char *prefix, struct config_problems *problems)
{
    size_t len = strlen(prefix);
    for (const char *c = prefix; *c; c++) {
        len = *c <= ' ' || *c > '~' ? PREFIX_BYTES_MAX + 1 : len;
    }
    if (len > PREFIX_BYTES_MAX) {
        config_problem(problems, name,
                       "must be at most %d printable ASCII characters without spaces",
                       PREFIX_BYTES_MAX);
    }
}

void config_common_apply(const struct config_common *common, const char *program,
                         struct config_problems *problems)
{
    enum log_level level = LOG_LEVEL_INFO;
    bool json = !strcasecmp(common->log_format, "json");
    if (!log_level_from_text(common->log_level, &level)) {
        config_problem(problems, "LOG_LEVEL", "must be error, warning, info or debug, not '%.64s'",
                       common->log_level);
    }
    if (!json && strcasecmp(common->log_format, "text") != 0) {
        config_problem(problems, "LOG_FORMAT", "must be text or json, not '%.64s'",
                       common->log_format);
    }
    config_check_prefix("REDIS_PREFIX", common->redis_prefix, problems);
    log_open(program, level, json);
}

void config_need_open_files(uint64_t needed, const char *because, struct config_problems *problems)
{
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= needed) {
        return;
    }
    struct rlimit raised = {needed, limit.rlim_max < needed ? needed : limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) != 0) {
        config_problem(problems, because,
                       "needs %llu open files, but the limit is %llu: raise it (ulimit -n), or "
                       "lower %s",
                       (unsigned long long)needed, (unsigned long long)limit.rlim_max, because);
    }
}
