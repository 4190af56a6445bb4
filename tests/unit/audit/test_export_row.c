// What is written is resumed whatever it holds: here what strangers may have put into it.
#include "export_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 3

static redisReply text_of(const char *text, size_t len)
{
    return (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = len};
}

// An attempt whose answer was this.
static void write_event(FILE *file, enum export_format format, struct bytes_view response)
{
    redisReply texts[2 * FIELDS] = {
        text_of("call_id", 7), text_of("c-1", 3),      text_of("event", 5),
        text_of("attempt", 7), text_of("response", 8), text_of(response.data, response.len),
    };
    redisReply *elements[2 * FIELDS];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        elements[i] = &texts[i];
    }
    const redisReply fields = {
        .type = REDIS_REPLY_ARRAY, .elements = 2 * FIELDS, .element = elements};
    struct export_writer writer;
    export_writer_init(&writer, format, file);
    export_head(&writer);
    export_row(&writer, EXPORT_EVENT, "1795408783000-7", &fields);
    export_writer_release(&writer);
}

static void an_export_is_resumed_whatever_an_answer_held(void **state)
{
    (void)state;
    static const struct bytes_view RESPONSES[] = {
        VIEW(""),
        VIEW("plain"),
        VIEW("a\0b"),
        VIEW("\0"),
        VIEW("\xff\xed\xa0\x80"),
        VIEW(",started,"),
        VIEW("x,dead,y"),
        VIEW("\r\n"),
        VIEW("\"\r\n\",\"dead\""),
        VIEW("\"event\":\"dead\""),
        VIEW("\\u0000"),
        VIEW("\\"),
    };
    for (size_t i = 0; i < 2 * sizeof RESPONSES / sizeof RESPONSES[0]; i++) {
        const enum export_format format = i % 2 ? EXPORT_CSV : EXPORT_JSON;
        struct export_position position;
        FILE *file = tmpfile();
        assert_non_null(file);
        write_event(file, format, RESPONSES[i / 2]);
        const char *problem = export_resume(file, format, &position);
        if (problem || !position.is_begun || position.record != EXPORT_EVENT ||
            position.id.ms != 1795408783000 || position.id.sequence != 7) {
            fail_msg("case %zu: %s", i, problem ? problem : "not as it was written");
        }
        fclose(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_export_is_resumed_whatever_an_answer_held),
    };
    return cmocka_run_group_tests_name("export_row", tests, NULL, NULL);
}
