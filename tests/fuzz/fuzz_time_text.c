// Any text as a time: refused, or a time that is printed so that it is read as the same again, in
// every zone.
#include "memory.h"
#include "time_text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW_MS UINT64_C(1795408783123)
#define YEAR_10000_MS UINT64_C(253402300800000)
#define DAY_MS UINT64_C(86400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    assert(memchr(text, '\0', TIME_TEXT_BYTES) && strlen(text) > 0);
}

static void check_time(uint64_t ms)
{
    char text[TIME_TEXT_BYTES];
    uint64_t again_ms = 0;
    time_text_print_short(ms, text);
    check_text(text);
    time_text_print_clock(ms, text);
    check_text(text);
    time_text_print_span(ms, text);
    check_text(text);
    time_text_print(ms, text);
    check_text(text);
    if (ms > DAY_MS && ms < YEAR_10000_MS - DAY_MS) {
        assert(time_text_parse(text, NOW_MS, &again_ms) && again_ms == ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const ZONES[] = {"UTC", "Europe/Berlin", "America/St_Johns",
                                        "Asia/Kathmandu", "Pacific/Kiritimati"};
    uint64_t ms = 0;
    if (size == 0) {
        return 0;
    }
    setenv("TZ", ZONES[data[0] % (sizeof ZONES / sizeof ZONES[0])], 1);
    tzset();
    char *text = memory_text_of((const char *)data + 1, size - 1);
    if (time_text_parse(text, NOW_MS, &ms)) {
        check_time(ms);
    }
    free(text);
    if (size > sizeof ms) {
        memcpy(&ms, data + 1, sizeof ms);
        check_time(ms >> data[0] % 64);
    }
    return 0;
}
