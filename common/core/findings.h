// What a check of a running system found: lines that are fine, lines that are wrong with what to
// do, and notes. The checks add them; the program prints them. Texts of others may be in them, cut
// at FINDING_TEXT_BYTES: printing them safely is the program's business. Secrets never are.
#ifndef DIALIN_FINDINGS_H
#define DIALIN_FINDINGS_H

#include <stddef.h>

#define FINDINGS_MAX 4096 // further ones are counted only
#define FINDING_SUBJECT_BYTES 96
#define FINDING_TEXT_BYTES 768
#define FINDING_REMEDY_BYTES 512

// NOTE: could not be checked, or is the operator's to judge.
enum finding_level { FINDING_FINE, FINDING_NOTE, FINDING_WRONG };

struct finding {
    enum finding_level level;
    char subject[FINDING_SUBJECT_BYTES]; // Redis, +14152251493, worker:host-1
    char text[FINDING_TEXT_BYTES];
    char remedy[FINDING_REMEDY_BYTES]; // the next step; "" unless something is wrong
};

struct findings {
    struct finding *list;
    size_t count, capacity;
    size_t wrong; // of all that were added
};

void findings_init(struct findings *findings);
void findings_release(struct findings *findings);

void findings_fine(struct findings *findings, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_note(struct findings *findings, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void findings_wrong(struct findings *findings, const char *subject, const char *remedy,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

const char *finding_level_name(enum finding_level level); // fine, note, wrong

#endif
