// See route_reader.h. Each object is parsed again from its own text, so that every member keeps its
// place in the file and a repeated name is refused at each level.
#include "route_reader.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct route_arena_block {
    struct route_arena_block *next;
    struct json_document *document; // released with the block; usually NULL
    size_t size;
    max_align_t data[];
};

// --- memory -------------------------------------------------------------------------------------

static struct route_arena_block *add_block(struct route_arena *arena, size_t size)
{
    struct route_arena_block *block = memory_zeroed(sizeof *block + size);
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    return block;
}

void *route_arena_zeroed(struct route_arena *arena, size_t size)
{
    return add_block(arena, size)->data;
}

char *route_arena_text(struct route_arena *arena, const char *data, size_t len)
{
    char *text = route_arena_zeroed(arena, len + 1);
    if (len > 0) {
        memcpy(text, data, len);
    }
    return text;
}

static struct json_document *add_document(struct route_arena *arena)
{
    struct route_arena_block *block = add_block(arena, sizeof(struct json_document));
    block->document = (struct json_document *)(void *)block->data;
    return block->document;
}

void route_arena_release(struct route_arena *arena)
{
    while (arena->blocks) {
        struct route_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        if (block->document) {
            json_release(block->document);
        }
        memory_wipe(block->data, block->size);
        free(block);
    }
}

// --- complaints ---------------------------------------------------------------------------------

static unsigned line_of(const struct route_reader *reader, const char *at)
{
    unsigned line = 1;
    for (const char *c = reader->text.data; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

bool route_refuse(struct route_reader *reader, const char *at, const char *name,
                  const char *sentence)
{
    if (reader->problem->len == 0) {
        bytes_printf(reader->problem, "line %u: %s%s%s", line_of(reader, at), name,
                     name[0] ? " " : "", sentence);
    }
    return false;
}

static bool refuse_unknown(struct route_reader *reader, const struct route_value *value,
                           const char *owner, const struct route_field *fields)
{
    struct bytes sentence;
    bytes_init(&sentence, 1024);
    bytes_printf(&sentence, "is not a member of %s:", owner);
    for (const struct route_field *field = fields; field->name; field++) {
        bytes_printf(&sentence, "%s %s", field == fields ? "" : ",", field->name);
    }
    route_refuse(reader, value->raw.data, value->name, bytes_text(&sentence));
    bytes_release(&sentence);
    return false;
}

// `owner` is not an object, or its text has an error at `at`.
static bool refuse_text(struct route_reader *reader, const char *at, const char *owner,
                        const char *problem)
{
    char name[64];
    snprintf(name, sizeof name, "%s:", owner);
    return route_refuse(reader, at, name, problem);
}

// --- objects and arrays -------------------------------------------------------------------------

bool route_read_member(struct route_reader *reader, const struct route_value *value,
                       const char *owner, const struct route_field *fields, void *into)
{
    for (const struct route_field *field = fields; field->name; field++) {
        if (!strcmp(field->name, value->name)) {
            return field->read(reader, field, value, (char *)into + field->offset);
        }
    }
    return refuse_unknown(reader, value, owner, fields);
}

bool route_read_members(struct route_reader *reader, const struct route_value *value,
                        const char *owner, const struct route_field *fields, void *into)
{
    struct json_document document;
    const char *problem = json_parse(&document, value->raw);
    if (problem) {
        const char *at = document.failed_at ? document.failed_at : value->raw.data;
        return refuse_text(reader, at, owner, problem);
    }
    bool is_good = true;
    const cJSON *member = document.tree->child;
    for (size_t i = 0; is_good && i < document.member_count; i++, member = member->next) {
        const struct route_value of_member = {member->string, member, document.members[i].value};
        is_good = route_read_member(reader, &of_member, owner, fields, into);
    }
    json_release(&document);
    return is_good;
}

// The next element of an array that is known to be good JSON; false at its end.
static bool next_element(const char **at, const char *end, struct bytes_view *element)
{
    unsigned depth = 0;
    bool is_quoted = false;
    while (*at < end && strchr(" \t\r\n,", **at)) {
        (*at)++;
    }
    *element = (struct bytes_view){*at, 0};
    for (; *at < end; (*at)++) {
        char c = **at;
        if (depth == 0 && !is_quoted && (c == ',' || c == ']')) {
            break;
        }
        is_quoted ^= c == '"';
        *at += is_quoted && c == '\\';
        depth += !is_quoted && (c == '{' || c == '[');
        depth -= !is_quoted && (c == '}' || c == ']');
    }
    element->len = (size_t)(*at - element->data);
    while (element->len > 0 && strchr(" \t\r\n", element->data[element->len - 1])) {
        element->len--;
    }
    return element->len > 0;
}

bool route_read_array(struct route_reader *reader, const struct route_value *value, size_t max,
                      route_read_element *read, void *into)
{
    const char *at = value->raw.data + 1, *end = value->raw.data + value->raw.len;
    struct route_value element = {value->name, NULL, {NULL, 0}};
    if (!cJSON_IsArray(value->tree)) {
        return route_refuse(reader, value->raw.data, value->name, "must be an array");
    }
    element.tree = value->tree->child;
    for (size_t i = 0; element.tree && next_element(&at, end, &element.raw); i++) {
        if (i == max) {
            return route_refuse(reader, element.raw.data, value->name, "has too many elements");
        }
        if (!read(reader, &element, i, into)) {
            return false;
        }
        element.tree = element.tree->next;
    }
    return true;
}

// --- single values ------------------------------------------------------------------------------

bool route_read_text(struct route_reader *reader, const struct route_field *field,
                     const struct route_value *value, void *into)
{
    const char *text = cJSON_GetStringValue(value->tree);
    (void)field;
    if (!text || !text[0]) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must be a text that is not empty");
    }
    *(const char **)into = route_arena_text(reader->arena, text, strlen(text));
    return true;
}

bool route_read_number(struct route_reader *reader, const struct route_field *field,
                       const struct route_value *value, void *into)
{
    double number = cJSON_IsNumber(value->tree) ? value->tree->valuedouble : -1;
    bool is_good = number >= (double)field->min && number <= (double)field->max &&
                   (double)(uint64_t)number >= number;
    if (!is_good) {
        struct bytes sentence;
        bytes_init(&sentence, 128);
        bytes_printf(&sentence, "must be a whole number from %llu to %llu",
                     (unsigned long long)field->min, (unsigned long long)field->max);
        route_refuse(reader, value->raw.data, value->name, bytes_text(&sentence));
        bytes_release(&sentence);
        return false;
    }
    *(uint64_t *)into = (uint64_t)number;
    return true;
}

bool route_read_bool(struct route_reader *reader, const struct route_field *field,
                     const struct route_value *value, void *into)
{
    (void)field;
    *(bool *)into = cJSON_IsTrue(value->tree);
    return cJSON_IsBool(value->tree) ||
           route_refuse(reader, value->raw.data, value->name, "must be true or false");
}

// The text is kept too: the request gets it as it stands, so that no number loses a digit.
bool route_read_document(struct route_reader *reader, const struct route_field *field,
                         const struct route_value *value, void *into)
{
    (void)field;
    if (!cJSON_IsObject(value->tree)) {
        return route_refuse(reader, value->raw.data, value->name, "must be an object");
    }
    struct json_document *document = add_document(reader->arena);
    const char *text = route_arena_text(reader->arena, value->raw.data, value->raw.len);
    const char *problem = json_parse(document, (struct bytes_view){text, value->raw.len});
    if (problem) {
        return route_refuse(reader, value->raw.data, value->name, problem);
    }
    *(struct json_document **)into = document;
    return true;
}
