// The record of an operator's command in the stream {dialin}:operators: the intent before it is
// done, and its outcome after that. A command that cannot be recorded is not done.
#ifndef DIALIN_OPERATOR_NOTE_H
#define DIALIN_OPERATOR_NOTE_H

#include "command.h"
#include "entry_id.h"

#define OPERATOR_NAME_BYTES 256

struct operator_note {
    struct audit *audit;
    char name[OPERATOR_NAME_BYTES]; // --operator, else login@host
    char id[ENTRY_ID_BYTES];        // of the intent
};

// Writes the intent: `field` is `agent` or `call_id`. With --intent it stands there already, and
// its outcome is the board's to write. False: it could not be written, which is said.
bool operator_note_intend(struct operator_note *note, struct audit *audit, const char *action,
                          const char *field, const char *value);

void operator_note_outcome(struct operator_note *note, const char *outcome);

#endif
