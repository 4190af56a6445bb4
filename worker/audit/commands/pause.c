// dialin-audit pause and resume: no call of an agent asks until it is resumed. The workers look at
// {dialin}:paused in the scripts that admit calls, so that it holds for all of them at once.
#include "audit_script.h"
#include "command.h"
#include "json_line.h"
#include "operator_note.h"
#include "time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AGENT_BYTES_MAX 256

struct pause {
    struct audit *audit;
    const char *agent;
    bool is_pause; // else it goes on
    bool is_known; // it has a wait queue, or has started calls of late
    uint64_t waiting;
    uint64_t paused_ms; // 0: it is not paused
    char paused_by[OPERATOR_NAME_BYTES];
};

// `<when in ms> <by whom>`
static void take_pause(struct pause *pause, struct bytes_view text)
{
    const char *blank = text.len > 0 ? memchr(text.data, ' ', text.len) : NULL;
    size_t len = blank ? (size_t)(blank - text.data) : 0;
    pause->paused_ms = view_number((struct bytes_view){text.data, len});
    pause->paused_by[0] = '\0';
    if (blank) {
        view_copy((struct bytes_view){blank + 1, text.len - len - 1}, pause->paused_by,
                  sizeof pause->paused_by);
    }
}

static bool look(struct pause *pause)
{
    struct database *database = pause->audit->database;
    const struct bytes_view agent = view_of_text(pause->agent);
    const struct bytes_view paused[] = {VIEW("HGET"), database_key(database, REDIS_KEY_PAUSED, ""),
                                        agent};
    const struct bytes_view waiting[] = {VIEW("ZCARD"),
                                         database_key(database, REDIS_KEY_LINE, pause->agent)};
    const struct bytes_view known[] = {VIEW("ZSCORE"), database_key(database, REDIS_KEY_AGENTS, ""),
                                       agent};
    database_send(database, 3, paused);
    database_send(database, 2, waiting);
    database_send(database, 3, known);
    redisReply *replies[3];
    for (size_t i = 0; i < 3; i++) {
        replies[i] = database_receive(database);
    }
    bool is_good = !database_is_lost(database) && replies[0] && replies[1] && replies[2];
    if (is_good) {
        take_pause(pause,
                   replies[0]->type == REDIS_REPLY_STRING ? reply_view(replies[0]) : VIEW(""));
        pause->waiting = (uint64_t)replies[1]->integer;
        pause->is_known = pause->waiting > 0 || replies[2]->type != REDIS_REPLY_NIL;
    }
    for (size_t i = 0; i < 3; i++) {
        freeReplyObject(replies[i]);
    }
    return is_good;
}

// Returns false if Redis refused, which is said, or too many are paused.
static bool do_it(struct pause *pause, const char *who)
{
    struct database *database = pause->audit->database;
    const struct bytes_view argv[] = {VIEW("EVAL"),
                                      audit_script_pause(),
                                      VIEW(REDIS_SCRIPT_KEYS),
                                      database_key(database, REDIS_KEY_WEBHOOKS, ""),
                                      database_key(database, REDIS_KEY_NEVER, ""),
                                      view_of_text(pause->agent),
                                      view_of_text(pause->is_pause ? who : "")};
    redisReply *reply =
        database_run(database, audit_script_pause(), sizeof argv / sizeof argv[0], argv);
    bool is_done = reply_has_shape(reply, "(snn)") && reply->element[2]->integer == 1;
    if (is_done) {
        take_pause(pause, reply_view(reply->element[0]));
        pause->waiting = (uint64_t)reply->element[1]->integer;
    } else if (reply) {
        screen_complain("%s is not paused: as many agents are paused as can be", pause->agent);
    }
    freeReplyObject(reply);
    return is_done;
}

static void print_since(const struct pause *pause)
{
    char since[TIME_TEXT_BYTES];
    time_text_print(pause->paused_ms, since);
    screen_complain("%s is paused since %s, by %s", pause->agent, since, pause->paused_by);
}

static void report(const struct pause *pause)
{
    const struct options *options = pause->audit->options;
    struct json_line line;
    if (options->json) {
        json_line_init(&line);
        json_line_text(&line, "action", view_of_text(options->command));
        json_line_text(&line, "agent", view_of_text(pause->agent));
        json_line_flag(&line, "done", options->yes);
        json_line_flag(&line, "was_paused", pause->paused_ms > 0);
        json_line_flag(&line, "known", pause->is_known);
        json_line_number(&line, "waiting", pause->waiting);
        screen_json(&line, stdout);
        json_line_release(&line);
        return;
    }
    screen_put_text(&pause->audit->screen, COLOUR_NONE, 0, pause->agent);
    screen_print(": %s%s, %" PRIu64 " calls wait%s\n", options->yes ? "" : "would be ",
                 pause->is_pause ? "paused" : "resumed", pause->waiting,
                 options->yes ? "" : "; --yes does it");
}

static enum exit_code run(struct audit *audit, bool is_pause)
{
    struct pause pause = {.audit = audit, .agent = audit->options->argument, .is_pause = is_pause};
    struct operator_note note;
    if (!*pause.agent || strlen(pause.agent) > AGENT_BYTES_MAX) {
        screen_complain("an agent's name has 1 to %d bytes", AGENT_BYTES_MAX);
        return EXIT_USAGE;
    }
    if (!look(&pause)) {
        return EXIT_NOT_DONE;
    }
    if (!is_pause && pause.paused_ms == 0) {
        screen_complain("%s is not paused", pause.agent);
        return EXIT_NOT_DONE;
    }
    if (is_pause && pause.paused_ms > 0) {
        print_since(&pause);
    } else if (is_pause && !pause.is_known) {
        screen_complain("%s is not known: no call of it waits, and it has started none in the last "
                        "24 hours; see dialin-audit now for the names",
                        pause.agent);
    }
    bool is_good = !audit->options->yes;
    if (!is_good &&
        operator_note_intend(&note, audit, audit->options->command, "agent", pause.agent)) {
        is_good = do_it(&pause, note.name);
        operator_note_outcome(&note, is_good ? "done" : "not done");
    }
    if (is_good) {
        report(&pause);
    }
    return is_good ? EXIT_DONE : EXIT_NOT_DONE;
}

enum exit_code pause_run(struct audit *audit)
{
    return run(audit, true);
}

enum exit_code resume_run(struct audit *audit)
{
    return run(audit, false);
}
