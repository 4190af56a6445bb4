// Times as people write and read them. Pure, but for the time zone (TZ), which is the process'.
#ifndef DIALIN_AUDIT_MOMENT_H
#define DIALIN_AUDIT_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_TEXT_BYTES 40

// How the texts of time_text_parse look, for --help and complaints; `gap` divides two halves.
#define TIME_TEXT_FORMS(gap)                                                                       \
    "90s, 30m, 2h or 7d ago; 2026-11-23; 15:04 (today); 2026-11-23T15:04[:05[.678]]," gap          \
    "local, or with Z or +01:00 behind it; or milliseconds since 1970"

// Returns false if the text is none of the above.
bool time_text_parse(const char *text, uint64_t now_ms, uint64_t *ms);

// 2026-11-23T15:04:05.678+01:00, and shorter ones for tables: 11-23 15:04:05, 15:04:05.678
void time_text_print(uint64_t ms, char text[TIME_TEXT_BYTES]);
void time_text_print_short(uint64_t ms, char text[TIME_TEXT_BYTES]);
void time_text_print_clock(uint64_t ms, char text[TIME_TEXT_BYTES]);

// A span: 340 ms, 12.3 s, 1:50 (minutes and seconds), 2:03:04
void time_text_print_span(uint64_t ms, char text[TIME_TEXT_BYTES]);

#endif
