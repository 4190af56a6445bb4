// See spelling.h.
#include "spelling.h"

#include "screen.h"

#include <stdio.h>
#include <string.h>

#define LETTERS_MAX 32
#define FLAGS_MAX 64

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

// How many letters must change (Levenshtein).
static size_t distance(const char *a, const char *b)
{
    size_t row[LETTERS_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > LETTERS_MAX || b_len > LETTERS_MAX) {
        return LETTERS_MAX;
    }
    for (size_t i = 0; i <= b_len; i++) {
        row[i] = i;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t n = 1; n <= b_len; n++) {
            size_t changed = diagonal + (a[i - 1] != b[n - 1]);
            diagonal = row[n];
            row[n] = min(changed, min(row[n], row[n - 1]) + 1);
        }
    }
    return row[b_len];
}

const char *spelling_nearest(const char *text, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t least = SPELLING_ERRORS_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        size_t errors = distance(text, names[i]);
        if (errors < least && errors < strlen(names[i])) {
            least = errors;
            nearest = names[i];
        }
    }
    for (size_t i = 0; !nearest && text[0] && i < count; i++) {
        nearest = !strncmp(names[i], text, strlen(text)) ? names[i] : NULL;
    }
    return nearest;
}

static bool complain_of_flag(const char *flag, const struct option *long_options)
{
    const char *names[FLAGS_MAX];
    char text[64];
    size_t count = 0;
    while (count < FLAGS_MAX && long_options[count].name) {
        names[count] = long_options[count].name;
        count++;
    }
    snprintf(text, sizeof text, "%.*s", (int)strcspn(flag, "="), flag);
    const char *meant = spelling_nearest(text, names, count);
    screen_complain("--%s is not a flag of this command%s%s%s", text,
                    meant ? "; did you mean --" : "", meant ? meant : "", meant ? "?" : "");
    return false;
}

bool spelling_check_flags(int argc, char **argv, const struct option *long_options)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *flag = argv[i] + 2;
        const struct option *option = long_options;
        if (strncmp(argv[i], "--", 2) != 0) {
            continue;
        }
        size_t len = strcspn(flag, "=");
        while (option->name && (strncmp(option->name, flag, len) != 0 || option->name[len])) {
            option++;
        }
        if (!option->name) {
            return complain_of_flag(flag, long_options);
        }
        i += option->has_arg == required_argument && !flag[len]; // its value
    }
    return true;
}
