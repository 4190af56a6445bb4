// dialin-audit secrets --from-daily: the numbers' secrets in a file, which the ingress reads by
// PINLESS_HMAC_SECRET_FILE and reads again when it changes. The file is only ever replaced by a
// whole and not empty one: if Daily cannot be asked, or shows no secret, it stays.
#include "command.h"

#include "audit_daily.h"
#include "daily_numbers.h"
#include "interrupt.h"
#include "loop.h"
#include "memory.h"
#include "secret_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCH_S 5
#define WATCH_AFTER_FAILURE_S 10
#define QUESTIONS_A_S 5 // at most, on average: a number may need one of its own
#define OTHERS (S_IRWXG | S_IRWXO)
#define US_PER_S 1000000ULL
#define MS_PER_S 1000ULL
#define PATH_BYTES 4096
#define NAMES_BYTES_MAX 4096

struct secrets {
    struct audit *audit;
    const char *path;
    struct daily_api *api;
    struct secret_list *list;
    struct bytes written;                            // the file's text; empty: it is not there yet
    struct stat put;                                 // the file as it was written or read
    char said[DAILY_API_PROBLEM_BYTES + PATH_BYTES]; // the last complaint: said once
    bool has_complained;                             // in this turn
};

static void complain(struct secrets *secrets, const char *what, const char *problem)
{
    char text[sizeof secrets->said];
    secrets->has_complained = true;
    snprintf(text, sizeof text, "%s%s", what, problem);
    if (strcmp(text, secrets->said) != 0) {
        memcpy(secrets->said, text, sizeof text);
        screen_complain("%s", text);
    }
}

// --- the file -----------------------------------------------------------------------------------

static bool write_all(int fd, struct bytes_view text)
{
    for (size_t at = 0; at < text.len;) {
        ssize_t count = write(fd, text.data + at, text.len - at);
        if (count < 0 && errno != EINTR) {
            return false;
        }
        at += count > 0 ? (size_t)count : 0;
    }
    return fsync(fd) == 0;
}

// Beside the file, so that the rename is one step. `put` becomes the file's state.
static bool replace(const char *path, struct bytes_view text, struct stat *put)
{
    char fresh[PATH_BYTES];
    int len = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
    if (len >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = mkostemp(fresh, O_CLOEXEC); // 0600
    if (fd < 0) {
        return false;
    }
    bool is_good = write_all(fd, text) && fstat(fd, put) == 0;
    is_good = close(fd) == 0 && is_good;
    is_good = is_good && rename(fresh, path) == 0;
    if (!is_good) {
        int error = errno;
        unlink(fresh);
        errno = error;
    }
    return is_good;
}

// Somebody else may have removed or replaced it.
static bool is_as_it_was_put(const struct secrets *secrets)
{
    struct stat now;
    const struct stat *put = &secrets->put;
    return lstat(secrets->path, &now) == 0 && now.st_dev == put->st_dev &&
           now.st_ino == put->st_ino && now.st_size == put->st_size &&
           now.st_mtim.tv_sec == put->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == put->st_mtim.tv_nsec && !(now.st_mode & OTHERS);
}

// Whoever could write the file could forge calls for SECRET_KEEP_MS. NULL: it may be used.
static const char *find_flaw(const struct stat *status)
{
    return !S_ISREG(status->st_mode)               ? "is not a regular file"
           : status->st_uid != geteuid()           ? "belongs to another user"
           : status->st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others"
           : (uint64_t)status->st_size > (uint64_t)SECRET_LIST_BYTES_MAX ? "is too long"
                                                                         : NULL;
}

static void read_text(struct secrets *secrets, int fd, size_t size)
{
    char *text = size > 0 ? bytes_extend(&secrets->written, size) : NULL;
    if (text && read(fd, text, size) != (ssize_t)size) {
        bytes_clear(&secrets->written);
    }
    if (secrets->audit->options->watch) {
        secret_list_take_text(secrets->list, bytes_view(&secrets->written),
                              (uint64_t)secrets->put.st_mtim.tv_sec * MS_PER_S);
    }
}

// The secrets of an earlier run stay good for a while. Returns NULL, or why the file cannot be
// used.
static const char *read_earlier(struct secrets *secrets)
{
    int fd = open(secrets->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT  ? NULL
               : errno == ELOOP ? "is a symbolic link, which would be replaced: name the file"
                                : strerror(errno);
    }
    const char *flaw = fstat(fd, &secrets->put) != 0 ? strerror(errno) : find_flaw(&secrets->put);
    if (!flaw) {
        read_text(secrets, fd, (size_t)secrets->put.st_size);
    }
    close(fd);
    return flaw;
}

// --- a turn -------------------------------------------------------------------------------------

static bool write_list(struct secrets *secrets)
{
    struct bytes text;
    bytes_init(&text, SECRET_LIST_BYTES_MAX);
    bool is_whole =
        secret_list_print(secrets->list, secrets->audit->options->watch, loop_wall_ms(), &text);
    bool is_same =
        view_equal(bytes_view(&text), bytes_view(&secrets->written)) && is_as_it_was_put(secrets);
    bool is_good =
        is_whole && (is_same || replace(secrets->path, bytes_view(&text), &secrets->put));
    if (!is_whole) {
        complain(secrets, "too many secrets for one file; it stays as it is: ", secrets->path);
    } else if (!is_good) {
        complain(secrets, "the file cannot be written: ", strerror(errno));
    } else if (!is_same) {
        bytes_clear(&secrets->written);
        bytes_append_view(&secrets->written, bytes_view(&text));
    }
    memory_wipe(text.data, text.len);
    bytes_release(&text);
    return is_good;
}

static bool take(struct secrets *secrets, const struct daily_numbers *numbers)
{
    struct bytes unusable;
    bytes_init(&unusable, NAMES_BYTES_MAX);
    size_t count = secret_list_update(secrets->list, numbers, loop_wall_ms(), &unusable);
    if (unusable.len > 0) {
        complain(secrets, "Daily shows no usable secret of: ", bytes_text(&unusable));
    }
    bytes_release(&unusable);
    if (count == 0) {
        complain(secrets,
                 "Daily shows no number with a secret; the file stays as it is: ", secrets->path);
        return false;
    }
    bool was_same = secrets->written.len;
    bool is_good = write_list(secrets);
    if (is_good && (!secrets->audit->options->watch || !was_same)) {
        screen_print("%zu secrets of Daily's numbers\n", count);
        fflush(stdout);
    }
    return is_good;
}

static bool turn(struct secrets *secrets)
{
    struct daily_numbers numbers;
    secrets->has_complained = false;
    if (!daily_numbers_read(&numbers, secrets->api)) {
        complain(secrets, "the file stays as it is: Daily ", daily_api_problem(secrets->api));
        return false;
    }
    bool is_good = take(secrets, &numbers);
    daily_numbers_release(&numbers);
    if (!secrets->has_complained) {
        secrets->said[0] = '\0';
    }
    return is_good;
}

static enum exit_code watch(struct secrets *secrets)
{
    uint64_t pause_s = 0, questions = 0;
    do {
        bool is_good = turn(secrets);
        uint64_t asked_s = daily_api_retry_after_s(secrets->api);
        uint64_t rest_s = (daily_api_questions(secrets->api) - questions) / QUESTIONS_A_S;
        questions = daily_api_questions(secrets->api);
        pause_s = is_good ? WATCH_S : WATCH_AFTER_FAILURE_S;
        pause_s = rest_s > pause_s ? rest_s : pause_s;
        pause_s = asked_s > pause_s ? asked_s : pause_s;
    } while (!screen_is_gone() && interrupt_sleep_until(loop_now_us() + pause_s * US_PER_S));
    return screen_is_gone() ? EXIT_NOT_DONE : EXIT_DONE;
}

enum exit_code secrets_run(struct audit *audit)
{
    struct findings findings;
    struct secrets secrets = {.audit = audit, .path = audit->options->output};
    enum exit_code code = EXIT_NOT_DONE;
    findings_init(&findings);
    secrets.api = audit_daily_open(audit, &findings);
    secrets.list = secret_list_new();
    bytes_init(&secrets.written, SECRET_LIST_BYTES_MAX);
    const char *flaw = secrets.api ? read_earlier(&secrets) : NULL;
    if (!secrets.api) {
        screen_complain("%s", findings.list[0].text);
    } else if (flaw) {
        screen_complain("%s cannot be used: %s", secrets.path, flaw);
    } else if (audit->options->watch) {
        code = watch(&secrets);
    } else {
        code = turn(&secrets) ? EXIT_DONE : EXIT_NOT_DONE;
    }
    memory_wipe(secrets.written.data, secrets.written.len);
    bytes_release(&secrets.written);
    secret_list_free(secrets.list);
    daily_api_close(secrets.api);
    findings_release(&findings);
    return code;
}
