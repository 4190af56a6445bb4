// Any bytes as the file that an export goes on with, and any bytes as what rows hold: a file that
// is refused stays as it was; one that is taken is cut at the end of a row, and is taken again.
// What was written here can be resumed wherever it was cut.
#include "export_row.h"

#include "memory.h"
#include "redis_reply.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROWS 3
#define FIELDS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *file_of(const void *data, size_t size)
{
    FILE *file = fdopen(memfd_create("export", MFD_CLOEXEC), "w+");
    assert(file);
    fwrite(data, 1, size, file);
    assert(fflush(file) == 0);
    return file;
}

static size_t size_of(FILE *file)
{
    struct stat status;
    assert(fflush(file) == 0 && fstat(fileno(file), &status) == 0);
    return (size_t)status.st_size;
}

static bool begins_with(FILE *file, const void *data, size_t len)
{
    char *is = malloc(len + 1);
    assert(is && pread(fileno(file), is, len, 0) == (ssize_t)len);
    bool is_same = memcmp(is, data, len) == 0;
    free(is);
    return is_same;
}

static void check_any(const void *data, size_t size, enum export_format format)
{
    struct export_position first, second;
    FILE *file = file_of(data, size);
    bool is_taken = !export_resume(file, format, &first);
    size_t left = size_of(file);
    assert(left <= size && (is_taken || left == size) && begins_with(file, data, left));
    if (is_taken) {
        assert((size_t)ftello(file) == left && !export_resume(file, format, &second));
        assert(size_of(file) == left && first.is_begun == second.is_begun);
        assert(!first.is_begun || (first.record == second.record && first.id.ms == second.id.ms));
    }
    fclose(file);
}

// --- what was written here ----------------------------------------------------------------------

struct row {
    redisReply fields;
    redisReply texts[2 * FIELDS];
    redisReply *elements[2 * FIELDS];
};

static void set_text(struct row *row, size_t at, const char *text, size_t len)
{
    row->texts[at] =
        (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = len};
    row->elements[at] = &row->texts[at];
}

// The fields are parts of the input, one after the other; the event is one that exists.
static void make_row(struct row *row, const char *text, size_t len, bool is_final)
{
    static const char *const NAMES[FIELDS] = {"call_id", "response", "error", "body", "event"};
    for (size_t i = 0; i < FIELDS; i++) {
        const size_t begin = len * i / FIELDS, end = len * (i + 1) / FIELDS;
        set_text(row, 2 * i, NAMES[i], strlen(NAMES[i]));
        set_text(row, 2 * i + 1, text + begin, end - begin);
    }
    const char *event = is_final ? "started" : "attempt";
    set_text(row, 2 * FIELDS - 1, event, strlen(event));
    row->fields =
        (redisReply){.type = REDIS_REPLY_ARRAY, .elements = 2 * FIELDS, .element = row->elements};
}

static void check_own(const char *text, size_t len, enum export_format format)
{
    static const char *const IDS[ROWS] = {"1795408783000-0", "1795408783000-1", "1795408784000-0"};
    struct export_writer writer;
    struct export_position position;
    struct row rows[ROWS];
    size_t ends[ROWS + 1];
    FILE *file = file_of("", 0);
    export_writer_init(&writer, format, file);
    export_head(&writer);
    ends[0] = size_of(file);
    for (size_t i = 0; i < ROWS; i++) {
        make_row(&rows[i], text + len * i / ROWS, len / ROWS, i == 1);
        export_row(&writer, i == 0 ? EXPORT_WEBHOOK : EXPORT_EVENT, IDS[i], &rows[i].fields);
        ends[i + 1] = size_of(file);
    }
    for (size_t i = ROWS; i > 0; i--) { // cut within the row after it, which loses that one
        if (i < ROWS) {
            assert(ftruncate(fileno(file), (off_t)(ends[i] + (ends[i + 1] - ends[i]) / 2)) == 0);
        }
        assert(!export_resume(file, format, &position));
        assert(size_of(file) == ends[i] && position.is_begun);
        assert(position.record == (i == 1 ? EXPORT_WEBHOOK : EXPORT_EVENT));
        assert(position.id.ms == entry_id_of(IDS[i - 1]).ms);
    }
    export_writer_release(&writer);
    fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_any(text, size, EXPORT_CSV);
    check_any(text, size, EXPORT_JSON);
    check_own(text, size, EXPORT_CSV);
    check_own(text, size, EXPORT_JSON);
    return 0;
}
