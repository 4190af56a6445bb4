// See route_rule.h.
#include "route_rule.h"

#include "base64.h"
#include "signature.h"

#include <stdio.h>
#include <string.h>

// --- parts of a route ---------------------------------------------------------------------------

static bool read_header(struct route_reader *reader, const char *at, const cJSON *header,
                        struct route_header *into)
{
    const char *text = cJSON_GetStringValue(header);
    const char *star = text ? strchr(text, '*') : NULL;
    if (!text || !text[0] || (star && star[1])) {
        return route_refuse(reader, at, "sip_header",
                            "must hold texts that are not empty, with '*' only at their end");
    }
    into->name = route_arena_text(reader->arena, header->string, strlen(header->string));
    into->text = route_arena_text(reader->arena, text, strlen(text) - (star ? 1 : 0));
    into->is_prefix = star != NULL;
    return true;
}

static bool read_headers(struct route_reader *reader, const struct route_field *field,
                         const struct route_value *value, void *into)
{
    struct route_rule *rule = into;
    const cJSON *header = NULL;
    (void)field;
    if (!cJSON_IsObject(value->tree) || cJSON_GetArraySize(value->tree) > ROUTE_HEADERS_MAX) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must be an object of at most 8 headers");
    }
    cJSON_ArrayForEach(header, value->tree)
    {
        if (!read_header(reader, value->raw.data, header, &rule->headers[rule->header_count++])) {
            return false;
        }
    }
    return true;
}

static bool read_limit(struct route_reader *reader, const struct route_field *field,
                       const struct route_value *value, void *into)
{
    static const struct route_field FIELDS[] = {
        {"calls", route_read_number, offsetof(struct route_rule, limit_calls), 1, 10000},
        {"within_s", route_read_number, offsetof(struct route_rule, limit_within_s), 1, 86400},
        {0},
    };
    struct route_rule *rule = into;
    (void)field;
    return route_read_members(reader, value, "limit_per_caller", FIELDS, rule) &&
           ((rule->limit_calls && rule->limit_within_s) ||
            route_refuse(reader, value->raw.data, value->name, "needs calls and within_s"));
}

static bool read_callback(struct route_reader *reader, const struct route_field *field,
                          const struct route_value *value, void *into)
{
    static const struct route_field FIELDS[] = {
        {"within_s", route_read_number, offsetof(struct route_callback, within_s), 1, 86400},
        {"to", route_read_patterns, offsetof(struct route_callback, to), 0, 0},
        {"caller_id", route_read_text, offsetof(struct route_callback, caller_id), 0, 0},
        {0},
    };
    struct route_callback *callback = into;
    (void)field;
    if (!route_read_members(reader, value, "callback", FIELDS, callback)) {
        return false;
    }
    if (!callback->within_s || !callback->to.count) {
        return route_refuse(reader, value->raw.data, value->name,
                            "needs within_s, and in \"to\" the numbers that may be called: the "
                            "caller chooses what stands in From, and premium numbers are real");
    }
    return !callback->caller_id || strlen(callback->caller_id) <= ROUTE_CALLER_ID_BYTES_MAX ||
           route_refuse(reader, value->raw.data, "callback.caller_id", "is too long");
}

struct lookup_text {
    const char *url, *secret_env;
    uint64_t timeout_ms;
    bool is_required;
};

static bool read_lookup_url(struct route_reader *reader, const char *at, const char *url)
{
    const struct route_agents *agents = reader->context;
    struct route route = {.allow_http = agents->environment->agent->allow_http};
    struct bytes problem;
    bytes_init(&problem, 4096);
    bool is_good = url && route_to_url(&route, url, NULL, &problem);
    if (!is_good) {
        route_refuse(reader, at, "lookup.url", url ? bytes_text(&problem) : "is needed");
    }
    bytes_release(&problem);
    return is_good;
}

static bool read_lookup(struct route_reader *reader, const struct route_field *field,
                        const struct route_value *value, void *into)
{
    static const struct route_field FIELDS[] = {
        {"url", route_read_text, offsetof(struct lookup_text, url), 0, 0},
        {"secret_env", route_read_text, offsetof(struct lookup_text, secret_env), 0, 0},
        {"timeout_ms", route_read_number, offsetof(struct lookup_text, timeout_ms), 10, 30000},
        {"required", route_read_bool, offsetof(struct lookup_text, is_required), 0, 0},
        {0},
    };
    struct lookup_text text = {NULL, NULL, 2000, false};
    struct route_lookup *lookup = into;
    const char *at = value->raw.data;
    (void)field;
    if (!route_read_members(reader, value, "lookup", FIELDS, &text) ||
        !read_lookup_url(reader, at, text.url) ||
        !route_find_key(reader, at, text.secret_env, &lookup->secret_text)) {
        return false;
    }
    const char *secret = lookup->secret_text ? lookup->secret_text : "";
    secret += !strncmp(secret, "whsec_", 6) ? 6 : 0;
    size_t len = base64_decode(view_of_text(secret), lookup->secret, sizeof lookup->secret);
    if (len < ROUTE_SECRET_BYTES_MIN) {
        return route_refuse(reader, at, "lookup.secret_env",
                            "must name a variable with a secret after Standard Webhooks: whsec_ "
                            "and the base64 of 24 to 64 bytes");
    }
    lookup->secret_len = len;
    lookup->url = text.url;
    lookup->timeout_ms = text.timeout_ms;
    lookup->is_required = text.is_required;
    return true;
}

// --- overflow -----------------------------------------------------------------------------------

struct step_text {
    struct route_agent_text agent;
    struct route_step step;
    bool is_timed;
};

static bool read_after(struct route_reader *reader, const struct route_field *field,
                       const struct route_value *value, void *into)
{
    struct step_text *text = into;
    const char *word = cJSON_GetStringValue(value->tree);
    text->is_timed = true;
    text->step.is_by_forecast = word && !strcmp(word, "forecast");
    return text->step.is_by_forecast ||
           (word ? route_refuse(reader, value->raw.data, value->name,
                                "must be a number of seconds, or \"forecast\"")
                 : route_read_number(reader, field, value, &text->step.after_s));
}

// An agent that follows itself would put the call at the line that it has just left.
static bool is_repeated(const struct route_rule *rule, size_t index,
                        const struct route_agent *of_rule)
{
    const struct route_agent *agent = rule->overflow[index].agent;
    bool is_repeated = agent == of_rule;
    for (size_t i = 0; i < index; i++) {
        is_repeated = is_repeated || agent == rule->overflow[i].agent;
    }
    return is_repeated;
}

static bool read_step(struct route_reader *reader, const struct route_value *element, size_t index,
                      void *into)
{
    static const struct route_field FIELDS[] = {
        {"after_s", read_after, 0, 0, ROUTE_HOLD_S_MAX},
        {"agent", route_read_text, offsetof(struct step_text, agent.name), 0, 0},
        {"start_url", route_read_text, offsetof(struct step_text, agent.start_url), 0, 0},
        {"api_key_env", route_read_text, offsetof(struct step_text, agent.api_key_env), 0, 0},
        {0},
    };
    struct route_rule *rule = into;
    struct route_agents *agents = reader->context;
    struct step_text text = {.is_timed = false};
    const char *at = element->raw.data;
    if (!route_read_members(reader, element, "an overflow step", FIELDS, &text)) {
        return false;
    }
    if (!text.is_timed || (!text.agent.name && !text.agent.start_url)) {
        return route_refuse(reader, at, "overflow", "needs after_s and an agent in each step");
    }
    if (!route_agents_take(reader, at, &text.agent, &text.step.agent)) {
        return false;
    }
    rule->overflow[rule->overflow_count++] = text.step;
    if (is_repeated(rule, index, rule->agent ? rule->agent : agents->list[0])) {
        return route_refuse(reader, at, "overflow",
                            "leads back to an agent that the call has left");
    }
    return index == 0 || text.step.is_by_forecast || rule->overflow[index - 1].is_by_forecast ||
           text.step.after_s >= rule->overflow[index - 1].after_s ||
           route_refuse(reader, at, "overflow", "must have its steps in the order of after_s");
}

static bool read_overflow(struct route_reader *reader, struct bytes_view raw,
                          struct route_rule *rule)
{
    cJSON *tree = cJSON_ParseWithLength(raw.data, raw.len); // good JSON: it was parsed before
    const struct route_value value = {"overflow", tree, raw};
    bool is_good = route_read_array(reader, &value, ROUTE_OVERFLOW_MAX, read_step, rule);
    cJSON_Delete(tree);
    return is_good;
}

// --- a route ------------------------------------------------------------------------------------

struct rule_text {
    struct route_rule rule;
    struct route_agent_text agent;
    struct bytes_view overflow; // read last: it may name the agent that this route defines
};

static bool keep_overflow(struct route_reader *reader, const struct route_field *field,
                          const struct route_value *value, void *into)
{
    (void)reader, (void)field;
    *(struct bytes_view *)into = value->raw;
    return true;
}

static bool read_name(struct route_reader *reader, const struct route_field *field,
                      const struct route_value *value, void *into)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-";
    const char *name = cJSON_GetStringValue(value->tree);
    if (!name || !name[0] || name[strspn(name, LETTERS)] || strlen(name) > ROUTE_NAME_BYTES_MAX) {
        return route_refuse(reader, value->raw.data, value->name,
                            "must be 1 to 64 letters, digits, '_', '.' and '-'");
    }
    return route_read_text(reader, field, value, into);
}

#define IN_RULE(member) offsetof(struct rule_text, rule.member)

static const struct route_field FIELDS[] = {
    {"name", read_name, IN_RULE(name), 0, 0},
    {"to", route_read_patterns, IN_RULE(to), 0, 0},
    {"from", route_read_patterns, IN_RULE(from), 0, 0},
    {"sip_header", read_headers, offsetof(struct rule_text, rule), 0, 0},
    {"hours", route_read_hours, IN_RULE(hours), 0, 0},
    {"share", route_read_number, IN_RULE(share), 0, 100},
    {"agent", route_read_text, offsetof(struct rule_text, agent.name), 0, 0},
    {"start_url", route_read_text, offsetof(struct rule_text, agent.start_url), 0, 0},
    {"api_key_env", route_read_text, offsetof(struct rule_text, agent.api_key_env), 0, 0},
    {"hold_limit_s", route_read_number, IN_RULE(hold_limit_s), 1, ROUTE_HOLD_S_MAX},
    {"priority_s", route_read_number, IN_RULE(priority_s), 0, ROUTE_PRIORITY_S_MAX},
    {"limit_per_caller", read_limit, offsetof(struct rule_text, rule), 0, 0},
    {"body", route_read_document, IN_RULE(body), 0, 0},
    {"room", route_read_document, IN_RULE(room), 0, 0},
    {"lookup", read_lookup, IN_RULE(lookup), 0, 0},
    {"overflow", keep_overflow, offsetof(struct rule_text, overflow), 0, 0},
    {"callback", read_callback, IN_RULE(callback), 0, 0},
    {"decline", route_read_bool, IN_RULE(is_declined), 0, 0},
    {0},
};

// The definition in force: the route's text and the address of each agent that it may ask.
static void set_digest(struct route_rule *rule, struct bytes_view raw,
                       const struct route_agent *environment)
{
    char digest[SIGNATURE_SHA256_HEX];
    struct bytes text;
    bytes_init(&text, raw.len + (ROUTE_OVERFLOW_MAX + 1) * (ROUTE_URL_BYTES_MAX + 1));
    bytes_append_view(&text, raw);
    bytes_printf(&text, "\n%s", (rule->agent ? rule->agent : environment)->route.start_url);
    for (size_t i = 0; i < rule->overflow_count; i++) {
        bytes_printf(&text, "\n%s", rule->overflow[i].agent->route.start_url);
    }
    signature_sha256(bytes_view(&text), digest);
    view_copy(view_of_text(digest), rule->digest, sizeof rule->digest);
    bytes_release(&text);
}

bool route_rule_read(struct route_reader *reader, const struct route_value *value,
                     struct route_rule *rule)
{
    struct route_agents *agents = reader->context;
    struct rule_text text = {.rule.share = 100};
    const char *at = value->raw.data;
    if (!route_read_members(reader, value, "a route", FIELDS, &text)) {
        return false;
    }
    *rule = text.rule;
    if (!rule->name) {
        return route_refuse(reader, at, "", "a route needs a name");
    }
    if (text.agent.api_key_env && !text.agent.name && !text.agent.start_url) {
        return route_refuse(reader, at, "api_key_env", "needs an agent or a start_url beside it");
    }
    if ((text.agent.name || text.agent.start_url) &&
        !route_agents_take(reader, at, &text.agent, &rule->agent)) {
        return false;
    }
    if (text.overflow.len > 0 && !read_overflow(reader, text.overflow, rule)) {
        return false;
    }
    set_digest(rule, value->raw, agents->list[0]);
    return true;
}
