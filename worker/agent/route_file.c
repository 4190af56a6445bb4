// See route_file.h. Agents are read before routes, whatever their order in the file: a route may
// name an agent of the file.
#include "route_file.h"

#include <string.h>

struct file_values {
    struct route_value agents, routes;
};

static bool keep_value(struct route_reader *reader, const struct route_field *field,
                       const struct route_value *value, void *into)
{
    (void)reader, (void)field;
    *(struct route_value *)into = *value;
    return true;
}

static bool read_rule(struct route_reader *reader, const struct route_value *element, size_t index,
                      void *into)
{
    struct route_file *file = into;
    struct route_rule *rule = &file->rules[index];
    if (!cJSON_IsObject(element->tree)) {
        return route_refuse(reader, element->raw.data, "a route:", "it is not a JSON object");
    }
    if (!route_rule_read(reader, element, rule)) {
        return false;
    }
    if (route_file_rule(file, view_of_text(rule->name))) {
        return route_refuse(reader, element->raw.data, rule->name, "names two routes");
    }
    file->count++;
    return true;
}

static bool read_rules(struct route_reader *reader, const struct route_value *routes,
                       struct route_file *file)
{
    size_t count = (size_t)cJSON_GetArraySize(routes->tree);
    if (!cJSON_IsArray(routes->tree) || count > ROUTE_FILE_ROUTES_MAX) {
        return route_refuse(reader, routes->raw.data, "routes",
                            "must be an array of at most 1000 routes");
    }
    file->rules = route_arena_zeroed(reader->arena, count * sizeof *file->rules);
    return route_read_array(reader, routes, count, read_rule, file);
}

static bool read_file(struct route_reader *reader, struct route_file *file)
{
    static const struct route_field FIELDS[] = {
        {"agents", keep_value, offsetof(struct file_values, agents), 0, 0},
        {"routes", keep_value, offsetof(struct file_values, routes), 0, 0},
        {0},
    };
    struct file_values values = {{NULL, NULL, {NULL, 0}}, {NULL, NULL, {NULL, 0}}};
    struct json_document document;
    const char *problem = json_parse(&document, reader->text);
    if (problem) {
        return route_refuse(reader, document.failed_at ? document.failed_at : reader->text.data, "",
                            problem);
    }
    const cJSON *member = document.tree->child;
    bool is_good = true;
    for (size_t i = 0; is_good && i < document.member_count; i++, member = member->next) {
        const struct route_value value = {member->string, member, document.members[i].value};
        is_good = route_read_member(reader, &value, "the file", FIELDS, &values);
    }
    is_good = is_good && (!values.agents.tree || route_read_agents(reader, &values.agents));
    is_good = is_good && (values.routes.tree ? read_rules(reader, &values.routes, file)
                                             : route_refuse(reader, reader->text.data, "",
                                                            "the file needs \"routes\": […]"));
    json_release(&document);
    return is_good;
}

bool route_file_parse(struct route_file *file, struct bytes_view text,
                      const struct route_environment *environment, struct bytes *problem)
{
    *file = (struct route_file){.agents.environment = environment};
    struct route_reader reader = {text, &file->arena, problem, &file->agents};
    route_agents_begin(&reader);
    bool is_good = text.len <= ROUTE_FILE_BYTES_MAX
                       ? read_file(&reader, file)
                       : route_refuse(&reader, text.data, "", "the file is longer than 1 MiB");
    file->agents.environment = NULL; // borrowed for the reading only
    if (is_good) {
        route_index_make(&file->index, &file->arena, file->rules, file->count);
    } else {
        route_file_release(file);
    }
    return is_good;
}

void route_file_release(struct route_file *file)
{
    route_arena_release(&file->arena);
    *file = (struct route_file){.count = 0};
}

const struct route_rule *route_file_rule(const struct route_file *file, struct bytes_view name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (view_equal_text(name, file->rules[i].name)) {
            return &file->rules[i];
        }
    }
    return NULL;
}
