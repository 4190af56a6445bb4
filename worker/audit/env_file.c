// See env_file.h.
#include "env_file.h"

#include "bytes.h"
#include "screen.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// Cuts a value at its closing quote, or at a comment. Returns NULL if the quote does not close.
static char *value_of(char *text)
{
    char *value = skip_blanks(text);
    if (*value == '"' || *value == '\'') {
        char *end = strchr(value + 1, *value);
        char *rest = end ? skip_blanks(end + 1) : NULL;
        if (!end || (*rest && *rest != '#')) {
            return NULL;
        }
        *end = 0;
        return value + 1;
    }
    char *comment = strstr(value, " #");
    trim_end(value, comment ? (size_t)(comment - value) : strlen(value));
    return value;
}

// Returns NULL, or what is wrong.
static const char *take_line(char *line)
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
    trim_end(name, (size_t)(sign - name));
    char *value = value_of(sign + 1);
    return !is_name(name)                ? "does not begin with a name"
           : !value                      ? "has a quote that does not end its value"
           : setenv(name, value, 0) != 0 ? strerror(errno)
                                         : NULL;
}

static bool take_lines(const char *path, char *text)
{
    unsigned number = 1;
    for (char *line = text, *next; line; line = next, number++) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = 0;
        }
        const char *problem = take_line(line);
        if (problem) {
            screen_complain("--env-file %s: line %u %s", path, number, problem);
            return false;
        }
    }
    return true;
}

bool env_file_load(const char *path)
{
    static char text[ENV_FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (!file) {
        screen_complain("--env-file %s: %s", path, strerror(errno));
        return false;
    }
    size_t len = fread(text, 1, sizeof text, file);
    bool is_read = !ferror(file);
    int problem = errno;
    fclose(file);
    if (!is_read || len > ENV_FILE_BYTES_MAX || memchr(text, 0, len)) {
        screen_complain("--env-file %s: %s", path,
                        !is_read                   ? strerror(problem)
                        : len > ENV_FILE_BYTES_MAX ? "is longer than 64 KiB"
                                                   : "is not a text: it has a NUL");
        return false;
    }
    text[len] = 0;
    bool is_good = take_lines(path, text);
    explicit_bzero(text, sizeof text);
    return is_good;
}
