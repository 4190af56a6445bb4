// dialin-audit cancel: ends a call that is queued or waiting, in one step of Redis (cancel.lua). A
// call whose request is out cannot be cancelled: its bot may be on the way.
#include "audit_script.h"
#include "command.h"
#include "json_line.h"
#include "operator_note.h"
#include "phone_number.h"
#include "record_walk.h"

#include <stdio.h>
#include <string.h>

#define STATE_BYTES 32
#define WHY_BYTES 512
#define CALL_ARGS "12" // as call.lua has them

// Of the script's verdict, its first word; `is_done` says whether there is a second.
static bool take_verdict(const redisReply *reply, char state[STATE_BYTES], bool *is_done)
{
    if (!reply_has_shape(reply, "(s)")) {
        return false;
    }
    view_copy(reply_view(reply->element[0]), state, STATE_BYTES);
    char *blank = strchr(state, ' ');
    *is_done = blank != NULL;
    if (blank) {
        *blank = '\0';
    }
    return true;
}

static bool send_cancel(struct audit *audit, const struct recorded_call *call, const char *who,
                        char state[STATE_BYTES], bool *is_done)
{
    char why[WHY_BYTES], received_ms[24], kind[16];
    struct phone_number number; // of a call back: it is under that of the lost call
    snprintf(why, sizeof why, "cancelled by %s", who);
    snprintf(received_ms, sizeof received_ms, "%llu", (unsigned long long)call->received_ms);
    snprintf(kind, sizeof kind, "%s", webhook_kind_name(call->webhook.kind));
    phone_number_read(&number, view_of_text(call->from));
    const struct bytes_view argv[] = {VIEW("EVAL"),
                                      audit_script_cancel(),
                                      VIEW(REDIS_SCRIPT_KEYS),
                                      database_key(audit->database, REDIS_KEY_WEBHOOKS, ""),
                                      database_key(audit->database, REDIS_KEY_NEVER, ""),
                                      VIEW(CALL_ARGS),
                                      VIEW(""), // no worker's
                                      view_of_text(why),
                                      view_of_text(number.digits),
                                      view_of_text(call->entry),
                                      view_of_text(call->call_id),
                                      view_of_text(kind),
                                      view_of_text(call->from),
                                      view_of_text(call->to),
                                      view_of_text(call->agent),
                                      view_of_text(received_ms),
                                      call->webhook.sha256,
                                      VIEW(""), // its turn and the end of its hold: not needed
                                      VIEW(""),
                                      view_of_text(call->route),
                                      VIEW("")};
    redisReply *reply =
        database_run(audit->database, audit_script_cancel(), sizeof argv / sizeof argv[0], argv);
    bool is_good = take_verdict(reply, state, is_done);
    freeReplyObject(reply);
    return is_good;
}

static void complain(const char *call_id, const char *state)
{
    if (!strcmp(state, "starting")) {
        screen_complain("%s is not cancelled: its request is out, and may start a bot", call_id);
    } else if (!strcmp(state, "other") || !strcmp(state, "gone")) {
        screen_complain("%s is not cancelled: its entry is a duplicate, or no longer kept",
                        call_id);
    } else {
        screen_complain("%s is not cancelled: it is %s already", call_id, state);
    }
}

static void report(const struct audit *audit, const struct recorded_call *call, const char *state)
{
    struct json_line line;
    if (audit->options->json) {
        json_line_init(&line);
        json_line_text(&line, "action", VIEW("cancel"));
        json_line_text(&line, "call_id", view_of_text(call->call_id));
        json_line_text(&line, "state", view_of_text(state));
        json_line_flag(&line, "done", audit->options->yes);
        screen_json(&line, stdout);
        json_line_release(&line);
        return;
    }
    screen_put_text(&audit->screen, COLOUR_NONE, 0, call->call_id);
    screen_print(": %s, it was %s%s\n", audit->options->yes ? "cancelled" : "would be cancelled",
                 state, audit->options->yes ? "" : "; --yes does it");
}

static bool cancel(struct audit *audit, const struct recorded_call *call)
{
    struct operator_note note;
    char state[STATE_BYTES] = "";
    bool is_done = false;
    if (!operator_note_intend(&note, audit, "cancel", "call_id", call->call_id)) {
        return false;
    }
    bool is_answered = send_cancel(audit, call, note.name, state, &is_done);
    operator_note_outcome(&note, is_done ? "cancelled" : is_answered ? "refused" : "not done");
    if (is_done) {
        report(audit, call, state);
    } else if (is_answered) {
        complain(call->call_id, state);
    }
    return is_done;
}

enum exit_code cancel_run(struct audit *audit)
{
    struct recorded_call call;
    redisReply *row = NULL, *hash = NULL;
    bool is_good = record_find(audit->database, audit->options->argument, &call, &row, &hash);
    if (!is_good && !database_is_lost(audit->database)) {
        screen_complain("%s is not known under %s: never recorded there, or no longer kept",
                        audit->options->argument, database_prefix(audit->database));
    } else if (is_good && audit->options->yes) {
        is_good = cancel(audit, &call);
    } else if (is_good) {
        is_good = call.state == RECORDED_QUEUED || call.state == RECORDED_WAITING;
        if (is_good) {
            report(audit, &call, recorded_state_name(call.state));
        } else {
            complain(call.call_id, recorded_state_name(call.state));
        }
    }
    freeReplyObject(row);
    freeReplyObject(hash);
    return is_good ? EXIT_DONE : EXIT_NOT_DONE;
}
