// See overview.h.
#include "overview.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static cJSON *member(const cJSON *tree, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(tree, name);
}

static double number_of(const cJSON *tree, const char *name)
{
    const cJSON *found = member(tree, name);
    return cJSON_IsNumber(found) ? found->valuedouble : 0;
}

// --- numbers ------------------------------------------------------------------------------------

static void add(cJSON *sums, const char *name, double number)
{
    cJSON *sum = member(sums, name);
    if (sum) {
        cJSON_SetNumberValue(sum, sum->valuedouble + number);
    } else {
        cJSON_AddNumberToObject(sums, name, number);
    }
}

static void raise_to(cJSON *maxima, const char *name, const cJSON *found)
{
    cJSON *max = member(maxima, name);
    if (cJSON_IsNumber(found) && !cJSON_IsNumber(max)) {
        cJSON_DeleteItemFromObjectCaseSensitive(maxima, name);
        cJSON_AddNumberToObject(maxima, name, found->valuedouble);
    } else if (cJSON_IsNumber(found) && found->valuedouble > max->valuedouble) {
        cJSON_SetNumberValue(max, found->valuedouble);
    } else if (!max) {
        cJSON_AddNullToObject(maxima, name);
    }
}

// Unknown, if one is unknown; false, if one is.
static void merge_account(cJSON *account, const cJSON *part)
{
    const cJSON *adds_up = member(part, "adds_up"), *so_far = member(account, "adds_up");
    bool is_false = cJSON_IsFalse(adds_up) || cJSON_IsFalse(so_far);
    bool is_unknown = cJSON_IsNull(adds_up) || cJSON_IsNull(so_far);
    cJSON *verdict = is_false     ? cJSON_CreateFalse()
                     : is_unknown ? cJSON_CreateNull()
                                  : cJSON_CreateTrue();
    for (const cJSON *count = part ? part->child : NULL; count; count = count->next) {
        bool was_unknown = cJSON_IsNull(member(account, count->string));
        if (count == adds_up || was_unknown) {
            continue;
        }
        if (cJSON_IsNumber(count)) {
            add(account, count->string, count->valuedouble);
        } else {
            cJSON_DeleteItemFromObjectCaseSensitive(account, count->string);
            cJSON_AddNullToObject(account, count->string);
        }
    }
    cJSON_DeleteItemFromObjectCaseSensitive(account, "adds_up");
    cJSON_AddItemToObject(account, "adds_up", verdict);
}

static void merge_reasons(cJSON *reasons, const cJSON *part)
{
    for (const cJSON *count = part ? part->child : NULL; count; count = count->next) {
        add(reasons, count->string, count->valuedouble);
    }
}

// Percentiles and means are those of the worst prefix: sums have none.
static void merge_recent(cJSON *all, const cJSON *part)
{
    static const char *const SUMS[] = {
        "started", "lost", "answered", "answered_within_20s", "never_connected", "talked"};
    static const char *const MAXIMA[] = {"span_ms", "waited_p50_ms", "waited_p95_ms",
                                         "answer_mean_ms", "talked_mean_s"};
    if (!cJSON_IsObject(part)) {
        return;
    }
    if (!cJSON_IsObject(member(all, "recent"))) {
        cJSON_DeleteItemFromObjectCaseSensitive(all, "recent");
        cJSON_AddObjectToObject(all, "recent");
    }
    cJSON *recent = member(all, "recent");
    for (size_t i = 0; i < sizeof SUMS / sizeof SUMS[0]; i++) {
        add(recent, SUMS[i], number_of(part, SUMS[i]));
    }
    for (size_t i = 0; i < sizeof MAXIMA / sizeof MAXIMA[0]; i++) {
        raise_to(recent, MAXIMA[i], member(part, MAXIMA[i]));
    }
}

// --- rows ---------------------------------------------------------------------------------------

// Moves the rows of a list over; each names its prefix.
static void move_rows(cJSON *all, cJSON *part, const char *name, const char *prefix, int max)
{
    cJSON *from = member(part, name), *to = member(all, name);
    while (from && from->child) {
        cJSON *row = cJSON_DetachItemViaPointer(from, from->child);
        if (cJSON_GetArraySize(to) >= max) {
            cJSON_Delete(row);
            continue;
        }
        cJSON_AddStringToObject(row, "prefix", prefix);
        cJSON_AddItemToArray(to, row);
    }
}

struct row {
    cJSON *tree;
};

// Who has waited longest comes first; dial-outs, whom nobody waits for, last.
static int compare_calls(const void *a, const void *b)
{
    const cJSON *left = ((const struct row *)a)->tree, *right = ((const struct row *)b)->tree;
    const char *left_kind = json_text(left, "kind"), *right_kind = json_text(right, "kind");
    bool left_is_out = left_kind && !strcmp(left_kind, "dialout");
    bool right_is_out = right_kind && !strcmp(right_kind, "dialout");
    double waited = number_of(left, "waited_ms"), other = number_of(right, "waited_ms");
    if (left_is_out != right_is_out) {
        return left_is_out ? 1 : -1;
    }
    return (other > waited) - (other < waited);
}

static void keep_first_calls(cJSON *first, size_t count)
{
    struct row *rows = memory_zeroed((count + 1) * sizeof *rows);
    size_t found = 0;
    while (first->child && found < count) {
        rows[found++].tree = cJSON_DetachItemViaPointer(first, first->child);
    }
    qsort(rows, found, sizeof *rows, compare_calls);
    for (size_t i = 0; i < found; i++) {
        if (i < SNAPSHOT_WAITING_MAX) {
            cJSON_AddItemToArray(first, rows[i].tree);
        } else {
            cJSON_Delete(rows[i].tree);
        }
    }
    free(rows);
}

// --- all ----------------------------------------------------------------------------------------

static void add_prefix(cJSON *list, const struct overview_part *part, const char *prefix)
{
    static const char *const NUMBERS[] = {"waiting", "dialouts", "workers"};
    cJSON *row = cJSON_CreateObject();
    const char *sentence = json_text(part->tree, "sentence"),
               *level = json_text(part->tree, "level");
    cJSON_AddStringToObject(row, "prefix", prefix);
    cJSON_AddStringToObject(row, "level", level ? level : "");
    cJSON_AddStringToObject(row, "sentence", sentence ? sentence : "");
    for (size_t i = 0; part->is_known && i < sizeof NUMBERS / sizeof NUMBERS[0]; i++) {
        cJSON_AddNumberToObject(row, NUMBERS[i], number_of(part->tree, NUMBERS[i]));
    }
    cJSON_AddItemToArray(list, row);
}

static void merge(cJSON *all, struct overview_part *part, const char *prefix)
{
    static const char *const SUMS[] = {"waiting", "dialouts", "workers", "started", "lost_ever"};
    raise_to(all, "now_ms", member(part->tree, "now_ms"));
    add_prefix(member(all, "prefixes"), part, prefix);
    if (!part->is_known) {
        return;
    }
    raise_to(all, "unread_ms", member(part->tree, "unread_ms"));
    for (size_t i = 0; i < sizeof SUMS / sizeof SUMS[0]; i++) {
        add(all, SUMS[i], number_of(part->tree, SUMS[i]));
    }
    merge_account(member(all, "account"), member(part->tree, "account"));
    merge_reasons(member(all, "reasons"), member(part->tree, "reasons"));
    merge_recent(all, member(part->tree, "recent"));
    move_rows(all, part->tree, "agents", prefix, OVERVIEW_AGENTS_MAX);
    move_rows(all, part->tree, "programs", prefix, OVERVIEW_PROGRAMS_MAX);
    move_rows(all, part->tree, "first", prefix, INT32_MAX);
}

static void put_sentence(cJSON *all, const struct overview_part *parts, const char *const *prefixes,
                         size_t count)
{
    struct snapshot_summary summary = {.level = SNAPSHOT_GOOD};
    char sentence[SNAPSHOT_SENTENCE_BYTES];
    for (size_t i = 0; i < count; i++) {
        snapshot_summary_add(&summary, &parts[i].summary, prefixes[i]);
    }
    enum snapshot_level level = snapshot_summary_sentence(&summary, sentence);
    cJSON_AddStringToObject(all, "sentence", sentence);
    cJSON_AddStringToObject(all, "level", snapshot_level_name(level));
}

static cJSON *make_empty(void)
{
    static const char *const LISTS[] = {"prefixes", "agents", "first", "programs", "events"};
    cJSON *all = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        cJSON_AddArrayToObject(all, LISTS[i]);
    }
    cJSON_AddObjectToObject(all, "account");
    cJSON_AddObjectToObject(all, "reasons");
    cJSON_AddNullToObject(all, "recent");
    return all;
}

cJSON *overview_of(struct overview_part *parts, const char *const *prefixes, size_t count,
                   struct point *point, bool *is_known)
{
    cJSON *all = make_empty();
    size_t known = 0;
    *point = (struct point){0};
    put_sentence(all, parts, prefixes, count);
    for (size_t i = 0; i < count; i++) {
        const struct point *of_part = &parts[i].point;
        merge(all, &parts[i], prefixes[i]);
        known += parts[i].is_known ? 1 : 0;
        point->now_ms = of_part->now_ms > point->now_ms ? of_part->now_ms : point->now_ms;
        point->started += of_part->started;
        point->lost += of_part->lost;
        point->waiting += of_part->waiting;
    }
    cJSON *first = member(all, "first");
    keep_first_calls(first, (size_t)cJSON_GetArraySize(first));
    if (known == 0) {
        const char *problem = json_text(parts[0].tree, "redis_problem");
        cJSON_AddStringToObject(all, "redis_problem", problem ? problem : "");
    }
    *is_known = known == count;
    return all;
}
