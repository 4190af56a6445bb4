// See export_row.h. In CSV a body may hold line ends, within quotes: a row ends at a line end
// and every quote is closed.
#include "export_row.h"

#include "database.h"
#include "screen.h"
#include "time_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW_BYTES_MAX (20 * 1024 * 1024) // as a line of JSON; a cell beyond it is left empty
#define ROW_BEGIN_BYTES 128
#define ROW_END_BYTES 1024 // commas, quotes and the line end
#define CHUNK_BYTES 65536
#define BEGIN_BYTES_MAX 1024

static const char *const RECORDS[] = {"webhook", "event", "outcome"};

// Every name that occurs in CONTRACT's entries, events and hashes; fields that scripts keep for
// themselves are left out.
static const char *const COLUMNS[] = {
    "call_id",     "entry",       "event",      "attempt",    "state",    "reason",
    "kind",        "from",        "to",         "agent",      "worker",   "attempts",
    "http_status", "latency_ms",  "late",       "session_id", "room_url", "error",
    "at_ms",       "received_ms", "started_ms", "updated_ms", "request",  "response",
    "v",           "timestamp",   "signature",  "peer",       "body",     "sha256",
    "replay_of",   "signed_for",  "flaw",       "route",      "step",     "definition",
    "callback",    "callback_of", "hold_ms",
};
#define COLUMN_COUNT (sizeof COLUMNS / sizeof COLUMNS[0])

void export_writer_init(struct export_writer *writer, enum export_format format, FILE *file)
{
    writer->format = format;
    writer->file = file;
    json_line_init(&writer->line);
}

void export_writer_release(struct export_writer *writer)
{
    json_line_release(&writer->line);
}

static void append_cell(struct bytes *row, struct bytes_view text)
{
    bool is_plain = true;
    if (row->len + 2 * text.len > ROW_BYTES_MAX - ROW_END_BYTES) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        is_plain = is_plain && !strchr("\",\r\n", text.data[i]);
    }
    if (is_plain) {
        bytes_append_view(row, text);
        return;
    }
    bytes_append_text(row, "\"");
    for (size_t i = 0; i < text.len; i++) {
        bytes_append_text(row, text.data[i] == '"' ? "\"" : "");
        bytes_append(row, text.data + i, 1);
    }
    bytes_append_text(row, "\"");
}

// Every export begins with this.
static void begin_of(enum export_format format, struct bytes *out)
{
    bytes_init(out, BEGIN_BYTES_MAX);
    bytes_append_text(out, format == EXPORT_CSV ? "record,id,time" : "{\"record\":\"");
    for (size_t i = 0; format == EXPORT_CSV && i < COLUMN_COUNT; i++) {
        bytes_printf(out, ",%s", COLUMNS[i]);
    }
    bytes_append_text(out, format == EXPORT_CSV ? "\r\n" : "");
}

void export_head(struct export_writer *writer)
{
    struct bytes head;
    if (writer->format == EXPORT_CSV) {
        begin_of(writer->format, &head);
        screen_data(bytes_view(&head), writer->file);
        bytes_release(&head);
    }
}

static void write_csv(FILE *file, const char *record, const char *id, const char *time,
                      const redisReply *fields)
{
    struct bytes row;
    bytes_init(&row, ROW_BYTES_MAX);
    bytes_printf(&row, "%s,%s,%s", record, id, time);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        bytes_append_text(&row, ",");
        append_cell(&row, reply_field(fields, COLUMNS[i]));
    }
    bytes_append_text(&row, "\r\n");
    screen_data(bytes_view(&row), file);
    bytes_release(&row);
}

void export_row(struct export_writer *writer, enum export_record record, const char *id,
                const redisReply *fields)
{
    char time[TIME_TEXT_BYTES];
    time_text_print(entry_id_of(id).ms, time);
    if (writer->format == EXPORT_CSV) {
        write_csv(writer->file, RECORDS[record], id, time, fields);
        return;
    }
    json_line_text(&writer->line, "record", view_of_text(RECORDS[record]));
    json_line_text(&writer->line, "id", view_of_text(id));
    json_line_text(&writer->line, "time", view_of_text(time));
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const redisReply *value = reply_member(fields, COLUMNS[i]);
        if (value) {
            json_line_text(&writer->line, COLUMNS[i], reply_view(value));
        }
    }
    screen_json(&writer->line, writer->file);
}

bool export_event_is_final(const redisReply *fields)
{
    const struct bytes_view event = reply_field(fields, "event");
    return view_equal_text(event, "started") || view_equal_text(event, "dead");
}

// --- resuming -----------------------------------------------------------------------------------

struct extent {
    off_t begin, end; // of the last whole row
    off_t rows;
};

static struct extent find_last(FILE *file, enum export_format format)
{
    struct extent last = {0, 0, 0};
    char chunk[CHUNK_BYTES];
    off_t at = 0;
    bool is_quoted = false;
    rewind(file);
    for (size_t len; (len = fread(chunk, 1, sizeof chunk, file)) > 0; at += (off_t)len) {
        for (size_t i = 0; i < len; i++) {
            is_quoted ^= format == EXPORT_CSV && chunk[i] == '"';
            if (chunk[i] == '\n' && !is_quoted) {
                last.begin = last.end;
                last.end = at + (off_t)i + 1;
                last.rows++;
            }
        }
    }
    return last;
}

// A user who names another file by mistake must not lose it. One that is shorter than the beginning
// was cut within it.
static bool begins_as_export(FILE *file, enum export_format format)
{
    char chunk[BEGIN_BYTES_MAX];
    struct bytes begin;
    begin_of(format, &begin);
    rewind(file);
    const size_t len = fread(chunk, 1, begin.len, file);
    bool is_same = !ferror(file) && memcmp(chunk, begin.data, len) == 0;
    bytes_release(&begin);
    return is_same;
}

static bool take_text(const char **at, const char *text)
{
    size_t len = strlen(text);
    bool is_there = strncmp(*at, text, len) == 0;
    *at += is_there ? len : 0;
    return is_there;
}

// The first two fields of a row are the same in every row, with quotes around their values or not,
// and hold nothing of others: so whatever stands in the rest does not matter.
static bool parse_row(const char *row, enum export_format format, struct export_position *position)
{
    const char *at = row, *record_end = format == EXPORT_CSV ? "," : "\",\"id\":\"";
    bool is_found = false;
    if (format == EXPORT_JSON && !take_text(&at, "{\"record\":\"")) {
        return false;
    }
    for (size_t i = 0; !is_found && i < sizeof RECORDS / sizeof RECORDS[0]; i++) {
        is_found = take_text(&at, RECORDS[i]);
        position->record = (enum export_record)i;
    }
    if (!is_found || !take_text(&at, record_end)) {
        return false;
    }
    char id[ENTRY_ID_BYTES] = "";
    const size_t len = strspn(at, "0123456789-");
    view_copy((struct bytes_view){at, len}, id, sizeof id);
    position->id = entry_id_of(id);
    return len > 0 && len < sizeof id && at[len] == (format == EXPORT_CSV ? ',' : '"');
}

// Reads the beginning of the last row.
static bool read_row(FILE *file, const struct extent *last, char row[ROW_BEGIN_BYTES + 1])
{
    size_t len = (size_t)(last->end - last->begin);
    len = len < ROW_BEGIN_BYTES ? len : ROW_BEGIN_BYTES;
    bool is_read = fseeko(file, last->begin, SEEK_SET) == 0 && fread(row, 1, len, file) == len;
    row[is_read ? len : 0] = '\0';
    return is_read;
}

const char *export_resume(FILE *file, enum export_format format, struct export_position *position)
{
    const struct extent last = find_last(file, format);
    char row[ROW_BEGIN_BYTES + 1];
    bool has_row = last.rows > (format == EXPORT_CSV ? 1 : 0);
    *position = (struct export_position){.is_begun = has_row};
    if (!begins_as_export(file, format)) {
        return "it does not begin as an export in this format does";
    }
    bool is_read = read_row(file, &last, row);
    if (is_read && has_row && !parse_row(row, format, position)) {
        return "it does not end with a row of such an export";
    }
    if (!is_read || ftruncate(fileno(file), last.end) != 0 ||
        fseeko(file, last.end, SEEK_SET) != 0) {
        return strerror(errno);
    }
    return NULL;
}
