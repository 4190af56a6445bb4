// See lookup_answer.h. Members are merged as raw text, so that no number loses a digit.
#include "lookup_answer.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define MERGED_BYTES_MAX (2 * 1024 * 1024)
#define PRIORITY_PROBLEM "priority_s of its answer must be a number from 0 to 600"

static const cJSON *member_of(const struct lookup_answer *answer, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(answer->document.tree, name);
}

// Members that the contract does not know are left out.
static const struct {
    const char *name;
    cJSON_bool (*is_good)(const cJSON *item);
    const char *problem;
} MEMBERS[] = {
    {"agent", cJSON_IsString, "agent of its answer must be a text"},
    {"route", cJSON_IsString, "route of its answer must be a text"},
    {"body", cJSON_IsObject, "body of its answer must be an object"},
    {"room", cJSON_IsObject, "room of its answer must be an object"},
    {"priority_s", cJSON_IsNumber, PRIORITY_PROBLEM},
    {"decline", cJSON_IsBool, "decline of its answer must be true or false"},
    {"why", cJSON_IsString, "why of its answer must be a text"},
};

// A member of another type than the contract's makes the whole answer unusable.
static const char *check(const struct lookup_answer *answer)
{
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        const cJSON *member = member_of(answer, MEMBERS[i].name);
        if (member && !cJSON_IsNull(member) && !MEMBERS[i].is_good(member)) {
            return MEMBERS[i].problem;
        }
    }
    const cJSON *priority = member_of(answer, "priority_s");
    bool is_number = priority && cJSON_IsNumber(priority);
    return is_number &&
                   !(priority->valuedouble >= 0 && priority->valuedouble <= ROUTE_PRIORITY_S_MAX)
               ? PRIORITY_PROBLEM
               : NULL;
}

const char *lookup_answer_read(struct lookup_answer *answer, struct bytes_view text)
{
    *answer = (struct lookup_answer){.text = memory_text_of(text.data, text.len)};
    const char *problem =
        json_parse(&answer->document, text.len > 0 ? view_of_text(answer->text) : VIEW("{}"));
    problem = problem ? problem : check(answer);
    if (problem) {
        lookup_answer_release(answer);
        return problem;
    }
    const cJSON *priority = member_of(answer, "priority_s");
    answer->agent = json_text(answer->document.tree, "agent");
    answer->route = json_text(answer->document.tree, "route");
    answer->why = json_text(answer->document.tree, "why");
    answer->is_declined = cJSON_IsTrue(member_of(answer, "decline"));
    answer->has_priority = cJSON_IsNumber(priority);
    answer->priority_s = answer->has_priority ? (uint64_t)priority->valuedouble : 0;
    return NULL;
}

static void release_merged(struct json_document **document, struct bytes *text)
{
    if (*document) {
        json_release(*document);
        free(*document);
    }
    *document = NULL;
    bytes_release(text);
}

void lookup_answer_release(struct lookup_answer *answer)
{
    if (answer->text) {
        release_merged(&answer->body, &answer->body_text);
        release_merged(&answer->room, &answer->room_text);
        json_release(&answer->document);
        free(answer->text);
    }
    *answer = (struct lookup_answer){.text = NULL};
}

bool lookup_answer_place(const struct lookup_answer *answer, const struct routing *routing,
                         struct route_place *place)
{
    struct route_place found = *place;
    if (answer->route) {
        const struct route_rule *rule =
            route_file_rule(&routing->file, view_of_text(answer->route));
        if (!rule) {
            return false;
        }
        found = route_place_of_rule(routing, rule);
    }
    if (answer->agent) {
        found.agent = route_agents_find(&routing->file.agents, view_of_text(answer->agent));
        found.step = 0;
    }
    if (!found.agent) {
        return false;
    }
    *place = found;
    return true;
}

// --- merging ------------------------------------------------------------------------------------

static struct bytes_view raw_of(const struct json_document *document, const char *name)
{
    const cJSON *member = document ? document->tree->child : NULL;
    for (size_t i = 0; member; i++, member = member->next) {
        if (!strcmp(member->string, name) && !cJSON_IsNull(member)) {
            return document->members[i].value;
        }
    }
    return (struct bytes_view){NULL, 0};
}

static void put_member(struct bytes *out, struct bytes_view key, struct bytes_view value)
{
    bytes_append_text(out, out->len > 1 && out->data[out->len - 1] != '{' ? ",\"" : "\"");
    bytes_append_view(out, key);
    bytes_append_text(out, "\":");
    bytes_append_view(out, value);
}

// Appends the object that has all members of `over`, and those of `under` that it lacks.
static void put_merged(struct bytes *out, const struct json_document *over,
                       const struct json_document *under, const char *nested);

static void put_nested(struct bytes *out, struct bytes_view key, struct bytes_view over,
                       struct bytes_view under)
{
    struct json_document over_document, under_document;
    const char *over_problem = json_parse(&over_document, over);
    const char *under_problem = json_parse(&under_document, under);
    if (over_problem || under_problem) {
        put_member(out, key, over);
    } else {
        put_member(out, key, VIEW(""));
        put_merged(out, &over_document, &under_document, NULL);
    }
    json_release(&over_document);
    json_release(&under_document);
}

static void put_merged(struct bytes *out, const struct json_document *over,
                       const struct json_document *under, const char *nested)
{
    bytes_append_text(out, "{");
    for (size_t i = 0; i < over->member_count; i++) {
        const struct json_member *member = &over->members[i];
        bool is_nested = nested && view_equal_text(member->key, nested);
        struct bytes_view below = is_nested ? raw_of(under, nested) : (struct bytes_view){NULL, 0};
        if (below.len > 0) {
            put_nested(out, member->key, member->value, below);
        } else {
            put_member(out, member->key, member->value);
        }
    }
    const cJSON *member = under ? under->tree->child : NULL;
    for (size_t i = 0; member; i++, member = member->next) {
        if (!cJSON_GetObjectItemCaseSensitive(over->tree, member->string)) {
            put_member(out, under->members[i].key, under->members[i].value);
        }
    }
    bytes_append_text(out, "}");
}

static void merge(const struct lookup_answer *answer, const char *name, const char *nested,
                  const struct json_document *under, struct json_document **into,
                  struct bytes *text)
{
    struct json_document over;
    struct bytes_view raw = raw_of(&answer->document, name);
    release_merged(into, text);
    if (raw.len == 0) {
        return;
    }
    if (!json_parse(&over, raw)) {
        bytes_init(text, MERGED_BYTES_MAX);
        put_merged(text, &over, under, nested);
        *into = memory_zeroed(sizeof **into);
        if (json_parse(*into, bytes_view(text))) { // more members than an object may have
            release_merged(into, text);
        }
    }
    json_release(&over);
}

void lookup_answer_merge(struct lookup_answer *answer, const struct route_rule *rule)
{
    if (!answer->text) {
        return;
    }
    merge(answer, "body", "dialin_settings", rule ? rule->body : NULL, &answer->body,
          &answer->body_text);
    merge(answer, "room", "sip", rule ? rule->room : NULL, &answer->room, &answer->room_text);
}
