// See findings.h.
#include "findings.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_FIRST 32

void findings_init(struct findings *findings)
{
    *findings = (struct findings){0};
}

void findings_release(struct findings *findings)
{
    free(findings->list);
    *findings = (struct findings){0};
}

__attribute__((format(printf, 5, 0))) static void add(struct findings *findings,
                                                      enum finding_level level, const char *subject,
                                                      const char *remedy, const char *format,
                                                      va_list arguments)
{
    findings->wrong += level == FINDING_WRONG;
    if (findings->count == FINDINGS_MAX) {
        return;
    }
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity ? findings->capacity * 2 : CAPACITY_FIRST;
        findings->list =
            memory_resized(findings->list, findings->capacity * sizeof *findings->list);
    }
    struct finding *finding = &findings->list[findings->count++];
    finding->level = level;
    snprintf(finding->subject, sizeof finding->subject, "%s", subject);
    snprintf(finding->remedy, sizeof finding->remedy, "%s", remedy);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
}

void findings_fine(struct findings *findings, const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, FINDING_FINE, subject, "", format, arguments);
    va_end(arguments);
}

void findings_note(struct findings *findings, const char *subject, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, FINDING_NOTE, subject, "", format, arguments);
    va_end(arguments);
}

void findings_wrong(struct findings *findings, const char *subject, const char *remedy,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(findings, FINDING_WRONG, subject, remedy, format, arguments);
    va_end(arguments);
}

const char *finding_level_name(enum finding_level level)
{
    static const char *const NAMES[] = {
        [FINDING_FINE] = "fine", [FINDING_NOTE] = "note", [FINDING_WRONG] = "wrong"};
    return NAMES[level];
}
