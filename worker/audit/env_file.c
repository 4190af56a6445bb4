// See env_file.h.
#include "env_file.h"

#include "bytes.h"
#include "screen.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct assignment {
    const char *name, *value;
};

static char *skip_blanks(char *text)
{
    return text + strspn(text, " \t\r");
}

static bool is_name(const char *text)
{
    return (isalpha((unsigned char)text[0]) || text[0] == '_') &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
               strlen(text);
}

static void trim_end(char *text, size_t len)
{
    while (len > 0 && strchr(" \t\r", text[len - 1])) {
        len--;
    }
    text[len] = 0;
}

// Cuts a value at its closing quote. Returns NULL if the quote does not close, or if another reader
// of such files would take the value otherwise: then `*problem` says so.
static char *quoted_value(char *value, const char **problem)
{
    char *end = strchr(value + 1, *value);
    char *rest = end ? skip_blanks(end + 1) : NULL;
    if (!end || (*rest && *rest != '#')) {
        *problem = "has a quote that does not end its value";
        return NULL;
    }
    *end = 0;
    if (*value == '"' && strpbrk(value + 1, "$\\")) {
        *problem = "has a $ or a backslash within double quotes: use single quotes";
        return NULL;
    }
    if (*value == '\'' && (strstr(value + 1, "${") || strstr(value + 1, "\\\\"))) {
        *problem = "has ${ or two backslashes, which other readers of this file take otherwise";
        return NULL;
    }
    return value + 1;
}

// Cuts a value at its closing quote, or at a comment.
static char *value_of(char *text, const char **problem)
{
    char *value = skip_blanks(text);
    if (*value == '"' || *value == '\'') {
        return quoted_value(value, problem);
    }
    char *comment = strstr(value, " #");
    trim_end(value, comment ? (size_t)(comment - value) : strlen(value));
    if (strchr(value, '$') || strstr(value, "\t#")) {
        *problem = strchr(value, '$') ? "has a $: put single quotes around the value"
                                      : "has a tab before a #: put a blank there";
        return NULL;
    }
    return value;
}

// Leaves both NULL for a line without an assignment. Returns NULL, or a problem.
static const char *read_line(char *line, struct assignment *assignment)
{
    char *name = skip_blanks(line);
    if (!*name || *name == '#') {
        return NULL;
    }
    if (!strncmp(name, "export", 6) && (name[6] == ' ' || name[6] == '\t')) {
        name = skip_blanks(name + 6);
    }
    char *sign = strchr(name, '=');
    if (!sign) {
        return "has no =";
    }
    const char *problem = NULL;
    trim_end(name, (size_t)(sign - name));
    if (!is_name(name)) {
        return "does not begin with a name";
    }
    *assignment = (struct assignment){name, value_of(sign + 1, &problem)};
    return problem;
}

// The last line that assigns to a variable counts; the environment wins over all of them.
static const char *set_all(const struct assignment *assignments, size_t count)
{
    for (size_t i = count; i > 0; i--) {
        if (setenv(assignments[i - 1].name, assignments[i - 1].value, 0) != 0) {
            return strerror(errno);
        }
    }
    return NULL;
}

static bool take_lines(const char *path, char *text)
{
    static struct assignment assignments[ENV_FILE_LINES_MAX];
    static const char MARK[] = "\xef\xbb\xbf"; // of UTF-8, as some editors write it
    size_t number = 0, count = 0;
    const char *problem = NULL;
    text += !strncmp(text, MARK, sizeof MARK - 1) ? sizeof MARK - 1 : 0;
    for (char *line = text, *next; line && !problem; line = next) {
        struct assignment assignment = {0};
        next = strchr(line, '\n');
        if (next) {
            *next++ = 0;
        }
        problem = ++number > ENV_FILE_LINES_MAX ? "is one too many" : read_line(line, &assignment);
        if (!problem && assignment.name) {
            assignments[count++] = assignment;
        }
    }
    problem = problem ? problem : set_all(assignments, count);
    if (problem) {
        screen_complain("--env-file %s: line %zu %s", path, number, problem);
    }
    return !problem;
}

bool env_file_load(const char *path)
{
    static char text[ENV_FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (!file) {
        screen_complain("--env-file %s: %s", path, strerror(errno));
        return false;
    }
    setvbuf(file, NULL, _IONBF, 0); // the values are in `text` only
    size_t len = fread(text, 1, sizeof text, file);
    bool is_read = !ferror(file);
    int problem = errno;
    fclose(file);
    if (!is_read || len > ENV_FILE_BYTES_MAX || memchr(text, 0, len)) {
        screen_complain("--env-file %s: %s", path,
                        !is_read                   ? strerror(problem)
                        : len > ENV_FILE_BYTES_MAX ? "is longer than 64 KiB"
                                                   : "is not a text: it has a NUL");
        explicit_bzero(text, sizeof text);
        return false;
    }
    text[len] = 0;
    bool is_good = take_lines(path, text);
    explicit_bzero(text, sizeof text);
    return is_good;
}
