// The newest events: those of several streams stand in order, and one stream's are forgotten alone.
#include "recents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 200
#define ROW_TEXTS 2

static const char FIRST[] = "{a}", SECOND[] = "{b}";

static redisReply text_of(const char *text)
{
    return (redisReply){
        .type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = strlen(text)};
}

// Takes an event in, of a call with this letter; `count` as live.c counts them.
static void insert(struct recents *recents, const char *prefix, unsigned at_ms, unsigned count,
                   char letter)
{
    char id[ENTRY_ID_BYTES], call_id[2] = {letter, '\0'};
    entry_id_print((struct entry_id){at_ms, 0}, id);
    redisReply texts[ROW_TEXTS] = {text_of("call_id"), text_of(call_id)}, first = text_of(id);
    redisReply *elements[ROW_TEXTS] = {&texts[0], &texts[1]};
    redisReply fields = {.type = REDIS_REPLY_ARRAY, .elements = ROW_TEXTS, .element = elements};
    redisReply *parts[] = {&first, &fields};
    const redisReply row = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = parts};
    recents_insert(recents, &row, (struct entry_id){count, 0}, prefix);
}

// Each as its letter, the oldest first.
static const char *letters_of(const struct recents *recents)
{
    static char line[LINE_BYTES];
    size_t len = 0;
    for (size_t i = 0; i < EVENTS_NEWEST; i++) {
        const struct recent *recent = recents_after(recents, i, (struct entry_id){0, 0});
        const char *found =
            recent ? strstr(bytes_view(&recent->text).data, "\"call_id\":\"") : NULL;
        if (found) {
            line[len++] = found[strlen("\"call_id\":\"")];
        }
    }
    line[len] = '\0';
    return line;
}

static void one_prefix_is_forgotten_alone(void **state)
{
    (void)state;
    static const struct {
        const char *given; // lower case: of the first prefix
        const char *kept;  // without the first
    } CASES[] = {
        {"", ""},
        {"abc", ""},
        {"ABC", "ABC"},
        {"aBcDe", "BD"},
        {"AbCdE", "ACE"},
        {"abCDefGH", "CDGH"},
        {"aBCDEFGHIJKLMNOPQRSTUVWXYZ", "BCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {"ABCDEFGHIJKLmnopqrstuvwxyz", "BCDEFGHIJKL"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct recents recents;
        recents_init(&recents);
        for (unsigned j = 0; CASES[i].given[j]; j++) {
            char letter = CASES[i].given[j];
            insert(&recents, letter >= 'a' ? FIRST : SECOND, j + 1, j + 1, letter);
        }
        recents_forget(&recents, FIRST);
        assert_string_equal(letters_of(&recents), CASES[i].kept);
        insert(&recents, FIRST, 1000, 100, 'x'); // those that are empty come before all
        const size_t len = strlen(CASES[i].kept), kept = len == EVENTS_NEWEST ? len - 1 : len;
        char expected[LINE_BYTES];
        snprintf(expected, sizeof expected, "%sx", CASES[i].kept + (len - kept));
        assert_string_equal(letters_of(&recents), expected);
        recents_release(&recents);
    }
}

static void what_is_read_late_stands_by_its_time(void **state)
{
    (void)state;
    struct recents recents;
    recents_init(&recents);
    insert(&recents, FIRST, 10, 1, 'a');
    insert(&recents, FIRST, 30, 2, 'c');
    insert(&recents, SECOND, 20, 3, 'B');
    insert(&recents, SECOND, 40, 4, 'D');
    assert_string_equal(letters_of(&recents), "aBcD");
    recents_release(&recents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_prefix_is_forgotten_alone),
        cmocka_unit_test(what_is_read_late_stands_by_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
