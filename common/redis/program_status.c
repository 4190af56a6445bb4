// See program_status.h.
#include "program_status.h"

#include "memory.h"
#include "redis_command.h"
#include "redis_keys.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_MS 200
#define PROBLEM "problem" // in the index: a program has written a new one (snapshot.lua)
#define HOST_BYTES 256
#define TEXT_BYTES_MAX 65536
#define INDEX_LIVES_S "86400"

struct program_status {
    struct program_status_settings settings;
    struct redis *redis;
    struct loop_timer *timer;
    char id[PROGRAM_STATUS_NAME_BYTES]; // <program>:<name>
    char host[HOST_BYTES];
    uint64_t started_ms; // Redis' time; 0: not known yet
    uint64_t written_ms; // loop_now_ms of the last regular writing; 0: none yet
    uint64_t early_ms;   // the same of the last one because of a problem
    uint64_t problems;   // as last written
    struct bytes key, index;
    struct bytes settings_json; // the members of the object
};

// --- the settings ------------------------------------------------------------------------------

// A URL's query and its user part may hold a secret.
static struct bytes_view without_secrets(const char *text)
{
    const char *query = strstr(text, "://") ? strchr(text, '?') : NULL;
    return query ? (struct bytes_view){text, (size_t)(query - text)} : view_of_text(text);
}

static void take_settings(struct program_status *status, const void *settings)
{
    struct json_line line;
    char value[CONFIG_TEXT_BYTES];
    json_line_init(&line);
    for (const struct config_option *option = status->settings.table; option->name; option++) {
        config_value_text(option, settings, value, sizeof value);
        json_line_text(&line, option->name, without_secrets(value));
    }
    bytes_clear(&status->settings_json);
    bytes_append_view(&status->settings_json, bytes_view(&line.text));
    bytes_append_text(&status->settings_json, "}");
    json_line_release(&line);
}

void program_status_reload(struct program_status *status, const void *settings)
{
    take_settings(status, settings);
}

// --- writing -----------------------------------------------------------------------------------

static void put_text(struct json_line *line, const char *name, const char *text)
{
    json_line_text(line, name, view_of_text(text));
}

static void compose(const struct program_status *status, struct json_line *line)
{
    const struct program_status_settings *settings = &status->settings;
    const char *reason = settings->not_ready_reason(settings->arg);
    put_text(line, "program", settings->program);
    put_text(line, "name", status->id + strlen(settings->program) + 1);
    put_text(line, "host", status->host);
    json_line_number(line, "pid", (uint64_t)getpid());
    put_text(line, "version", DIALIN_VERSION);
    json_line_number(line, "started_ms", status->started_ms);
    json_line_number(line, "at_ms", redis_now_ms(status->redis));
    json_line_flag(line, "ready", reason == NULL);
    put_text(line, "not_ready_reason", reason ? reason : "");
    settings->describe(line, settings->arg);
    json_line_raw(line, "settings", bytes_view(&status->settings_json));
}

static void ignore(const redisReply *reply, void *arg)
{
    (void)reply;
    (void)arg;
}

static void write_text(struct program_status *status)
{
    char lives[REDIS_NUMBER_BYTES];
    struct json_line line;
    json_line_init(&line);
    compose(status, &line);
    bytes_append_text(&line.text, "}");
    const struct bytes_view set[] = {VIEW("SET"), bytes_view(&status->key), bytes_view(&line.text),
                                     VIEW("EX"), redis_number(lives, PROGRAM_STATUS_LIVES_S)};
    redis_send_aside(status->redis, 5, set, ignore, NULL);
    json_line_release(&line);
}

static void write_to_index(struct program_status *status, struct bytes_view member)
{
    char now[REDIS_NUMBER_BYTES];
    const struct bytes_view index = bytes_view(&status->index);
    const struct bytes_view add[] = {VIEW("ZADD"), index,
                                     redis_number(now, redis_now_ms(status->redis)), member};
    const struct bytes_view expire[] = {VIEW("EXPIRE"), index, VIEW(INDEX_LIVES_S)};
    redis_send_aside(status->redis, 4, add, ignore, NULL);
    redis_send_aside(status->redis, 3, expire, ignore, NULL);
}

static bool is_due(uint64_t last_ms)
{
    return last_ms == 0 || loop_now_ms() - last_ms >= PROGRAM_STATUS_EVERY_MS;
}

static void write_if_due(struct program_status *status)
{
    uint64_t problems = status->settings.count_problems(status->settings.arg);
    bool is_new_problem = problems != status->problems;
    bool is_regular = is_due(status->written_ms);
    bool is_early = is_new_problem && is_due(status->early_ms);
    status->started_ms = status->started_ms ? status->started_ms : redis_now_ms(status->redis);
    if (!is_regular && !is_early) {
        return;
    }
    write_text(status);
    status->problems = problems;
    if (is_new_problem) {
        write_to_index(status, VIEW(PROBLEM));
    }
    if (is_regular) {
        write_to_index(status, view_of_text(status->id));
        status->written_ms = loop_now_ms();
    } else {
        status->early_ms = loop_now_ms();
    }
}

static void on_time(void *arg)
{
    struct program_status *status = arg;
    loop_timer_start(status->timer, PROGRAM_STATUS_LOOK_MS);
    if (redis_is_up(status->redis)) {
        write_if_due(status);
    }
}

// --- opening and closing -----------------------------------------------------------------------

struct program_status *program_status_open(struct loop *loop, struct redis *redis,
                                           const struct program_status_settings *settings)
{
    struct program_status *status = memory_zeroed(sizeof *status);
    status->settings = *settings;
    status->redis = redis;
    snprintf(status->id, sizeof status->id, "%s:%s", settings->program, settings->name);
    gethostname(status->host, sizeof status->host - 1);
    bytes_init(&status->key, REDIS_KEY_BYTES_MAX);
    bytes_init(&status->settings_json, TEXT_BYTES_MAX);
    redis_key_init(&status->index, settings->prefix, REDIS_KEY_PROGRAMS);
    redis_key_set(&status->key, settings->prefix, REDIS_KEY_STATUS, view_of_text(status->id));
    take_settings(status, settings->settings);
    status->timer = loop_timer_open(loop, on_time, status);
    loop_timer_start(status->timer, FIRST_MS);
    return status;
}

void program_status_close(struct program_status *status)
{
    if (status) {
        loop_timer_close(status->timer);
        bytes_release(&status->key);
        bytes_release(&status->index);
        bytes_release(&status->settings_json);
        free(status);
    }
}
