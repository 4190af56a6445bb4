// See route_file.h. Each route is a JSON object of its own within the text, and read as one: so a
// complaint can name its line.
#include "route_file.h"

#include "memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
    struct bytes_view text;
    route_key_of *key_of;
    void *arg;
    struct bytes *problem;
};

static unsigned line_of(const struct reader *reader, const char *at)
{
    unsigned line = 1;
    for (const char *c = reader->text.data; c < at; c++) {
        line += *c == '\n';
    }
    return line;
}

static bool refuse(struct reader *reader, const char *at, const char *name, const char *sentence)
{
    if (reader->problem->len == 0) {
        bytes_printf(reader->problem, "line %u: %s%s%s", line_of(reader, at), name,
                     name[0] ? " " : "", sentence);
    }
    return false;
}

// --- members of a route -------------------------------------------------------------------------

static bool check_pattern(struct reader *reader, const char *at, const char *name,
                          const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    const char *star = text ? strchr(text, '*') : NULL;
    return (text && text[0] && (!star || !star[1])) ||
           refuse(reader, at, name, "must be a text that is not empty, with '*' only at its end");
}

static bool read_pattern(struct reader *reader, const char *at, const cJSON *member,
                         struct route_pattern *pattern)
{
    pattern->text = cJSON_GetStringValue(member);
    return check_pattern(reader, at, member->string, member);
}

static bool read_headers(struct reader *reader, const char *at, const cJSON *member,
                         struct route_rule *rule)
{
    const cJSON *header = NULL;
    if (!cJSON_IsObject(member) || cJSON_GetArraySize(member) > ROUTE_FILE_HEADERS_MAX) {
        return refuse(reader, at, member->string, "must be an object of at most 8 headers");
    }
    cJSON_ArrayForEach(header, member)
    {
        if (!check_pattern(reader, at, member->string, header)) {
            return false;
        }
        rule->headers[rule->header_count++] =
            (struct route_pattern){header->string, cJSON_GetStringValue(header)};
    }
    return true;
}

static bool read_number(struct reader *reader, const char *at, const cJSON *member, double max,
                        uint64_t *number)
{
    double value = cJSON_IsNumber(member) ? member->valuedouble : 0;
    *number = value >= 1 && value <= max ? (uint64_t)value : 0;
    return (*number > 0 && floor(value) >= value) ||
           refuse(reader, at, member->string,
                  max > ROUTE_FILE_HOLD_S_MAX ? "must be a whole number from 1 to 65536"
                                              : "must be a whole number from 1 to 3600");
}

// Kept as text too: what goes through must not lose a digit.
static bool read_object(struct reader *reader, const cJSON *member, struct bytes_view raw,
                        struct json_document **document, char **text)
{
    if (!cJSON_IsObject(member)) {
        return refuse(reader, raw.data, member->string, "must be an object");
    }
    *text = memory_text_of(raw.data, raw.len);
    *document = memory_zeroed(sizeof **document);
    const char *problem = json_parse(*document, (struct bytes_view){*text, raw.len});
    return !problem || refuse(reader, raw.data, member->string, problem);
}

static bool read_text(struct reader *reader, const char *at, const cJSON *member, const char **text)
{
    *text = cJSON_GetStringValue(member);
    return (*text && (*text)[0]) ||
           refuse(reader, at, member->string, "must be a text that is not empty");
}

// Where a route leads to, and with which key.
struct target {
    const char *agent, *start_url, *api_key_env;
};

static bool read_member(struct reader *reader, const cJSON *member, struct bytes_view raw,
                        struct route_rule *rule, struct target *target)
{
    const char *name = member->string, *at = raw.data;
    if (!strcmp(name, "to")) {
        return read_pattern(reader, at, member, &rule->to);
    }
    if (!strcmp(name, "from")) {
        return read_pattern(reader, at, member, &rule->from);
    }
    if (!strcmp(name, "sip_header")) {
        return read_headers(reader, at, member, rule);
    }
    if (!strcmp(name, "agent")) {
        return read_text(reader, at, member, &target->agent);
    }
    if (!strcmp(name, "start_url")) {
        return read_text(reader, at, member, &target->start_url);
    }
    if (!strcmp(name, "api_key_env")) {
        return read_text(reader, at, member, &target->api_key_env);
    }
    if (!strcmp(name, "max_in_flight")) {
        return read_number(reader, at, member, ROUTE_FILE_IN_FLIGHT_MAX, &rule->max_in_flight);
    }
    if (!strcmp(name, "hold_limit_s")) {
        return read_number(reader, at, member, ROUTE_FILE_HOLD_S_MAX, &rule->hold_limit_s);
    }
    if (!strcmp(name, "body")) {
        return read_object(reader, member, raw, &rule->body, &rule->texts[0]);
    }
    if (!strcmp(name, "room")) {
        return read_object(reader, member, raw, &rule->room, &rule->texts[1]);
    }
    return refuse(reader, at, name,
                  "is no member of a route: to, from, sip_header, agent, start_url, api_key_env, "
                  "max_in_flight, hold_limit_s, body, room");
}

// With a URL the agent's name is only a name; alone, it is an agent on Pipecat Cloud.
static bool find_target(struct reader *reader, const char *at, const struct target *target,
                        struct route *route)
{
    struct bytes problem;
    const char *key = target->api_key_env ? reader->key_of(target->api_key_env, reader->arg) : NULL;
    bool is_good = true;
    if (target->api_key_env && !target->agent && !target->start_url) {
        return refuse(reader, at, "api_key_env", "needs an agent or a start_url beside it");
    }
    if (target->api_key_env && !key) {
        return refuse(reader, at, target->api_key_env, "is not set in the environment");
    }
    bytes_init(&problem, 4096);
    if (target->agent) {
        is_good = route_to_cloud(route, target->agent, key, &problem);
    }
    if (is_good && target->start_url) {
        struct route named = *route;
        is_good = route_to_url(route, target->start_url, key, &problem);
        if (is_good && target->agent) {
            memcpy(route->agent, named.agent, sizeof route->agent);
        }
    }
    if (!is_good) {
        refuse(reader, at, target->start_url ? "start_url" : "agent", bytes_text(&problem));
    }
    bytes_release(&problem);
    return is_good;
}

static bool read_rule(struct reader *reader, struct bytes_view raw, struct route_rule *rule)
{
    struct json_document document;
    struct target target = {NULL, NULL, NULL};
    const char *problem = json_parse(&document, raw);
    if (problem) {
        return refuse(reader, raw.data, "a route:", problem);
    }
    rule->tree = document.tree; // owned from here on
    const cJSON *member = document.tree->child;
    for (size_t i = 0; i < document.member_count; i++, member = member->next) {
        if (!read_member(reader, member, document.members[i].value, rule, &target)) {
            return false;
        }
    }
    return find_target(reader, raw.data, &target, &rule->route);
}

// --- the file -----------------------------------------------------------------------------------

// The next element of an array that is known for good JSON; false at its end.
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
        bool is_end = depth == 0 && !is_quoted && (c == ',' || c == ']');
        if (is_end) {
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

static bool read_rules(struct reader *reader, struct bytes_view array, struct route_file *file)
{
    const char *at = array.data + 1, *end = array.data + array.len;
    struct bytes_view element;
    while (next_element(&at, end, &element)) {
        if (file->count == ROUTE_FILE_ROUTES_MAX) {
            return refuse(reader, element.data, "", "there are more than 1000 routes");
        }
        file->rules = memory_resized(file->rules, (file->count + 1) * sizeof *file->rules);
        struct route_rule *rule = &file->rules[file->count++];
        memset(rule, 0, sizeof *rule);
        if (!read_rule(reader, element, rule)) {
            return false;
        }
    }
    return true;
}

static bool read_file(struct reader *reader, struct route_file *file)
{
    struct json_document document;
    const char *problem = json_parse(&document, reader->text);
    if (problem) {
        return refuse(reader, document.failed_at, "", problem);
    }
    const cJSON *routes = document.tree->child;
    bool is_good =
        document.member_count == 1 && !strcmp(routes->string, "routes") && cJSON_IsArray(routes);
    is_good = is_good ? read_rules(reader, document.members[0].value, file)
                      : refuse(reader, reader->text.data, "",
                               "the file must be {\"routes\": […]} and nothing else");
    json_release(&document);
    return is_good;
}

bool route_file_parse(struct route_file *file, struct bytes_view text, route_key_of *key_of,
                      void *arg, struct bytes *problem)
{
    struct reader reader = {text, key_of, arg, problem};
    *file = (struct route_file){NULL, 0};
    bool is_good = text.len <= ROUTE_FILE_BYTES_MAX
                       ? read_file(&reader, file)
                       : refuse(&reader, text.data, "", "the file is longer than 1 MiB");
    if (!is_good) {
        route_file_release(file);
    }
    return is_good;
}

static void release_document(struct json_document *document, char *text)
{
    if (document) {
        json_release(document);
    }
    free(document);
    free(text);
}

void route_file_release(struct route_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        release_document(file->rules[i].body, file->rules[i].texts[0]);
        release_document(file->rules[i].room, file->rules[i].texts[1]);
        cJSON_Delete(file->rules[i].tree);
    }
    free(file->rules);
    *file = (struct route_file){NULL, 0};
}

// --- choosing -----------------------------------------------------------------------------------

static bool matches(const struct route_pattern *pattern, const char *text)
{
    size_t len = pattern->text ? strlen(pattern->text) : 0;
    if (!pattern->text || !strcmp(pattern->text, "*")) {
        return true;
    }
    if (pattern->text[len - 1] == '*') {
        return text && !strncmp(text, pattern->text, len - 1);
    }
    return text && !strcmp(text, pattern->text);
}

static bool matches_header(const struct route_pattern *pattern, const cJSON *headers)
{
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, headers)
    {
        if (!strcasecmp(header->string, pattern->name)) {
            return matches(pattern, cJSON_GetStringValue(header));
        }
    }
    return false; // not even `*` is there
}

const struct route_rule *route_file_choose(const struct route_file *file, const cJSON *webhook)
{
    const char *to = json_text(webhook, "To"), *from = json_text(webhook, "From");
    const cJSON *headers = cJSON_GetObjectItemCaseSensitive(webhook, "sipHeaders");
    for (size_t i = 0; i < file->count; i++) {
        const struct route_rule *rule = &file->rules[i];
        bool is_match = matches(&rule->to, to) && matches(&rule->from, from);
        for (size_t h = 0; h < rule->header_count; h++) {
            is_match = is_match && matches_header(&rule->headers[h], headers);
        }
        if (is_match) {
            return rule;
        }
    }
    return NULL;
}
