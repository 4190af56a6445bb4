// A row of an export, as a JSON line or a line of CSV (RFC 4180), and the place at which an export
// that was broken off has to go on.
#ifndef DIALIN_AUDIT_EXPORT_ROW_H
#define DIALIN_AUDIT_EXPORT_ROW_H

#include "entry_id.h"
#include "json_line.h"
#include "options.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

// webhook: an entry of the stream. event: of the audit. outcome: the call as it stands, after its
// last event and with that one's id.
enum export_record { EXPORT_WEBHOOK, EXPORT_EVENT, EXPORT_OUTCOME };

struct export_writer {
    enum export_format format;
    FILE *file;
    struct json_line line;
};

void export_writer_init(struct export_writer *writer, enum export_format format, FILE *file);
void export_writer_release(struct export_writer *writer);

void export_head(struct export_writer *writer); // of CSV: the names of the columns
void export_row(struct export_writer *writer, enum export_record record, const char *id,
                const redisReply *fields);

struct export_position {
    enum export_record record;
    struct entry_id id;
    bool is_begun; // a row is there
};

// Reads to the last whole row of `file` and cuts off the rest, so that writing goes on
// there. NULL, or a sentence: then the file is as it was.
const char *export_resume(FILE *file, enum export_format format, struct export_position *position);

bool export_event_is_final(const redisReply *fields);

#endif
