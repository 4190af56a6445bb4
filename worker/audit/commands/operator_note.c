// See operator_note.h.
#include "operator_note.h"

#include "operator_entry.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGIN_BYTES 128

// Root by sudo is the one who typed it.
static void find_name(struct operator_note *note)
{
    const char *given = note->audit->options->operator_name;
    const char *by_sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    char host[LOGIN_BYTES] = "";
    const char *login = by_sudo && *by_sudo ? by_sudo : user ? user->pw_name : "unknown";
    gethostname(host, sizeof host - 1);
    if (given) {
        view_copy(view_of_text(given), note->name, sizeof note->name);
    } else {
        snprintf(note->name, sizeof note->name, "%.100s@%.100s", login, host);
    }
}

bool operator_note_intend(struct operator_note *note, struct audit *audit, const char *action,
                          const char *field, const char *value)
{
    struct database *database = audit->database;
    *note = (struct operator_note){.audit = audit};
    find_name(note);
    if (audit->options->intent) {
        return true;
    }
    const struct bytes_view fields[] = {VIEW("action"),      view_of_text(action),
                                        VIEW("operator"),    view_of_text(note->name),
                                        view_of_text(field), view_of_text(value)};
    struct bytes_view argv[OPERATOR_ENTRY_COMMAND_MAX];
    size_t count = operator_entry_command(database_key(database, REDIS_KEY_OPERATORS, ""),
                                          sizeof fields / sizeof fields[0], fields, argv);
    redisReply *reply = database_ask_shaped(database, "s", count, argv);
    if (reply) {
        view_copy(reply_view(reply), note->id, sizeof note->id);
    } else {
        screen_complain("nothing was done, because it could not be recorded");
    }
    freeReplyObject(reply);
    return reply;
}

void operator_note_outcome(struct operator_note *note, const char *outcome)
{
    struct database *database = note->audit->database;
    if (note->audit->options->intent || database_is_lost(database)) {
        return;
    }
    const struct bytes_view fields[] = {VIEW("intent"), view_of_text(note->id), VIEW("outcome"),
                                        view_of_text(outcome)};
    struct bytes_view argv[OPERATOR_ENTRY_COMMAND_MAX];
    size_t count = operator_entry_command(database_key(database, REDIS_KEY_OPERATORS, ""),
                                          sizeof fields / sizeof fields[0], fields, argv);
    freeReplyObject(database_ask(database, count, argv));
}
