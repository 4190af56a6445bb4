// See export_row.h. In CSV a body may hold line ends, within quotes: a row ends at a line end
// and every quote is closed.
#include "export_row.h"

#include "database.h"
#include "json_scan.h"
#include "memory.h"
#include "time_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW_BYTES_MAX (8 * 1024 * 1024)
#define CHUNK_BYTES 65536
#define BEGIN_BYTES_MAX 1024
#define PART_BYTES 64

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

static void put_cell(FILE *file, struct bytes_view text)
{
    bool is_plain = true;
    if (text.len == 0) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        is_plain = is_plain && !strchr("\",\r\n", text.data[i]);
    }
    if (is_plain) {
        fwrite(text.data, 1, text.len, file);
        return;
    }
    putc('"', file);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"') {
            putc('"', file);
        }
        putc(text.data[i], file);
    }
    putc('"', file);
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
        fwrite(head.data, 1, head.len, writer->file);
        bytes_release(&head);
    }
}

static void write_csv(FILE *file, const char *record, const char *id, const char *time,
                      const redisReply *fields)
{
    fprintf(file, "%s,%s,%s", record, id, time);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        putc(',', file);
        put_cell(file, reply_field(fields, COLUMNS[i]));
    }
    fputs("\r\n", file);
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
    json_line_print(&writer->line, writer->file);
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

// What is read of a row again. A cell that does not fit is none of those that are looked for.
struct row_parts {
    char record[PART_BYTES], id[PART_BYTES], event[PART_BYTES];
};

static bool read_parts(const struct row_parts *parts, struct export_position *position)
{
    position->id = entry_id_of(parts->id);
    position->is_final = !strcmp(parts->event, "started") || !strcmp(parts->event, "dead");
    for (size_t i = 0; i < sizeof RECORDS / sizeof RECORDS[0]; i++) {
        if (!strcmp(RECORDS[i], parts->record)) {
            position->record = (enum export_record)i;
            return parts->id[0];
        }
    }
    return false;
}

static const char *note_member(struct bytes_view key, struct bytes_view value, unsigned flaws,
                               void *arg)
{
    (void)flaws;
    struct row_parts *parts = arg;
    char *part = view_equal_text(key, "record")  ? parts->record
                 : view_equal_text(key, "id")    ? parts->id
                 : view_equal_text(key, "event") ? parts->event
                                                 : NULL;
    if (part && value.len > 2) { // without its quotes
        view_copy((struct bytes_view){value.data + 1, value.len - 2}, part, PART_BYTES);
    }
    return NULL;
}

// Leniently, because the texts of callers and agents may hold a NUL.
static bool parse_json_row(struct bytes_view row, struct export_position *position)
{
    struct row_parts parts = {0};
    struct json_scan scan = {.is_lenient = true, .on_member = note_member, .arg = &parts};
    return !json_scan(&scan, row) && read_parts(&parts, position);
}

static void take_cell(struct bytes_view *rest, char part[PART_BYTES])
{
    bool is_quoted = false;
    size_t len = 0;
    while (len < rest->len && (is_quoted || !memchr(",\r\n", rest->data[len], 3))) {
        is_quoted ^= rest->data[len++] == '"';
    }
    if (part) {
        view_copy((struct bytes_view){rest->data, len}, part, PART_BYTES);
    }
    len += len < rest->len;
    *rest = (struct bytes_view){rest->data + len, rest->len - len};
}

// record,id,time,call_id,entry,event,…
static bool parse_csv_row(struct bytes_view row, struct export_position *position)
{
    struct row_parts parts = {0};
    char *const cells[] = {parts.record, parts.id, NULL, NULL, NULL, parts.event};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        take_cell(&row, cells[i]);
    }
    return read_parts(&parts, position);
}

const char *export_resume(FILE *file, enum export_format format, struct export_position *position)
{
    const struct extent last = find_last(file, format);
    const size_t len = (size_t)(last.end - last.begin);
    bool has_row = last.rows > (format == EXPORT_CSV ? 1 : 0);
    *position = (struct export_position){.is_begun = has_row};
    if (len > ROW_BYTES_MAX) {
        return "its last row is longer than any that is written here";
    }
    if (!begins_as_export(file, format)) {
        return "it does not begin as an export in this format does";
    }
    char *row = memory_zeroed(len + 1);
    bool is_read = fseeko(file, last.begin, SEEK_SET) == 0 && fread(row, 1, len, file) == len;
    bool is_good = !has_row || (format == EXPORT_CSV ? parse_csv_row : parse_json_row)(
                                   (struct bytes_view){row, len}, position);
    free(row);
    if (is_read && !is_good) {
        return "it does not end with a row of such an export";
    }
    if (!is_read || ftruncate(fileno(file), last.end) != 0 ||
        fseeko(file, last.end, SEEK_SET) != 0) {
        return strerror(errno);
    }
    return NULL;
}
