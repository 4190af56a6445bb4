// See query.h. A member becomes --name=value, true becomes --name; the command line's own checks
// follow.
#include "query.h"

#include "memory.h"
#include "screen.h"

#include <stdlib.h>
#include <string.h>

static bool complain(const char *sentence)
{
    screen_complain("--query: %s", sentence);
    return false;
}

static void add(struct query *query, const char *text)
{
    query->argv[query->argc++] = memory_text(text);
}

static bool is_flag_name(const char *name)
{
    return name && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name);
}

// False: its value is neither a text, a number nor true.
static bool add_flag(struct query *query, const cJSON *member)
{
    struct bytes flag;
    bytes_init(&flag, QUERY_BYTES_MAX);
    bytes_printf(&flag, "--%s", member->string);
    bool is_good = true;
    if (cJSON_IsString(member)) {
        bytes_printf(&flag, "=%s", member->valuestring);
    } else if (cJSON_IsNumber(member)) {
        bytes_printf(&flag, "=%.0f", member->valuedouble);
    } else {
        is_good = cJSON_IsTrue(member);
    }
    add(query, bytes_text(&flag));
    bytes_release(&flag);
    return is_good;
}

static bool is_flag(const cJSON *member)
{
    return strcmp(member->string, "command") != 0 && strcmp(member->string, "argument") != 0;
}

static bool take(struct query *query, const cJSON *tree)
{
    const char *command = json_text(tree, "command");
    const char *argument = json_text(tree, "argument");
    if (!command) {
        return complain("needs a command");
    }
    add(query, "dialin-audit");
    add(query, command);
    if (strcmp(command, "export") != 0) {
        add(query, "--json");
    }
    size_t flags = 0;
    for (const cJSON *member = tree->child; member; member = member->next) {
        if (!is_flag(member)) {
            continue;
        }
        if (++flags > QUERY_FLAGS_MAX || !is_flag_name(member->string) ||
            !add_flag(query, member)) {
            return complain("has a member that is not a flag");
        }
    }
    if (argument) {
        add(query, "--");
        add(query, argument);
    }
    return true;
}

bool query_read(struct query *query, FILE *file)
{
    struct json_document document;
    struct bytes text;
    char chunk[4096];
    bool fits = true;
    *query = (struct query){.argc = 0};
    bytes_init(&text, QUERY_BYTES_MAX);
    for (size_t len; fits && (len = fread(chunk, 1, sizeof chunk, file)) > 0;) {
        fits = bytes_append(&text, chunk, len);
    }
    const char *problem =
        fits ? json_parse(&document, bytes_view(&text)) : "the object is too long";
    bool is_good = problem ? complain(problem) : take(query, document.tree);
    if (!problem) {
        json_release(&document);
    }
    bytes_release(&text);
    return is_good;
}

void query_release(struct query *query)
{
    for (int i = 0; i < query->argc; i++) {
        free(query->argv[i]);
    }
    query->argc = 0;
}
