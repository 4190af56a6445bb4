// See csv.h.
#include "csv.h"

#include "json_rows.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define COLUMNS_MAX 20
#define TIME_BYTES 32
#define TIME_MS_MAX 4e12 // in the year 2096

struct csv_columns {
    const char *names[COLUMNS_MAX]; // of members; `prefix` only if the first row has it
};

const struct csv_columns CSV_CALLS = {{"prefix", "received", "received_ms", "call_id", "entry",
                                       "state", "reason", "verdict", "kind", "from", "to", "agent",
                                       "route", "waited_ms", "talked_s", "attempts", "http_status",
                                       "error", NULL}};

const struct csv_columns CSV_REFUSED = {
    {"prefix", "received", "received_ms", "code", "sentence", "peer", "body_bytes", NULL}};

// Also with the wide forms of the signs, which some languages' spreadsheets take.
static bool is_formula(const char *text)
{
    static const char *const WIDE[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    bool begins = (*text > '\0' && *text < ' ') || (*text && strchr("=+-@", *text));
    for (size_t i = 0; i < sizeof WIDE / sizeof WIDE[0]; i++) {
        begins = begins || !strncmp(text, WIDE[i], strlen(WIDE[i]));
    }
    return begins;
}

static void append_cell(struct bytes *out, const char *text)
{
    bytes_append_text(out, is_formula(text) ? "\"'" : "\"");
    for (; *text; text++) {
        bytes_append_text(out, *text == '"' ? "\"" : "");
        bytes_append(out, text, 1);
    }
    bytes_append_text(out, "\"");
}

// For people, beside the number: 2026-11-26T23:02:12Z.
static void append_time(struct bytes *out, const cJSON *ms)
{
    char text[TIME_BYTES] = "";
    struct tm utc;
    bool is_time = cJSON_IsNumber(ms) && ms->valuedouble >= 0 && ms->valuedouble < TIME_MS_MAX;
    time_t seconds = is_time ? (time_t)(ms->valuedouble / 1000) : 0;
    if (is_time && gmtime_r(&seconds, &utc)) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    append_cell(out, text);
}

static void append_member(struct bytes *out, const cJSON *row, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(row, name);
    if (!strcmp(name, "received")) {
        append_time(out, cJSON_GetObjectItemCaseSensitive(row, "received_ms"));
    } else if (cJSON_IsNumber(member)) {
        bytes_printf(out, "\"%.0f\"", member->valuedouble);
    } else {
        append_cell(out, cJSON_IsString(member) ? member->valuestring : "");
    }
}

// `row` NULL: the head.
static void append_row(struct bytes *out, const char *const *names, const cJSON *row)
{
    for (const char *const *name = names; *name; name++) {
        bytes_append_text(out, name > names ? "," : "");
        if (row) {
            append_member(out, row, *name);
        } else {
            append_cell(out, *name);
        }
    }
    bytes_append_text(out, "\r\n");
}

size_t csv_append(struct bytes *out, const struct csv_columns *columns, struct bytes_view lines,
                  bool is_masked)
{
    size_t count = 0;
    cJSON *row = json_rows_take(&lines, is_masked);
    const char *const *names = columns->names + (cJSON_HasObjectItem(row, "prefix") ? 0 : 1);
    append_row(out, names, NULL);
    while (row) {
        append_row(out, names, row);
        count++;
        cJSON_Delete(row);
        row = json_rows_take(&lines, is_masked);
    }
    return count;
}
