// A queue in the order in which cues came; each request takes the first that wants it. A cue is
// plain memory of a fixed size, so that taking one is a copy and nothing has two owners.
#include "cues.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    struct cue cue;
};

struct cues {
    struct entry *oldest;
    size_t count;
};

struct cues *cues_open(void)
{
    return memory_zeroed(sizeof(struct cues));
}

static void free_entries(struct entry *entry)
{
    while (entry) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

void cues_forget(struct cues *cues)
{
    free_entries(cues->oldest);
    *cues = (struct cues){0};
}

void cues_close(struct cues *cues)
{
    cues_forget(cues);
    free(cues);
}

size_t cues_count(const struct cues *cues)
{
    return cues->count;
}

// --- from JSON --------------------------------------------------------------------------------

static const char *take_number(const cJSON *value, uint64_t max, uint64_t *out)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0) || value->valuedouble > (double)max) {
        return "status, count, delay_ms and bytes are whole numbers within their range";
    }
    *out = (uint64_t)value->valuedouble;
    return NULL;
}

static const char *take_text(const cJSON *value, char *out, size_t size)
{
    if (!cJSON_IsString(value) || strlen(value->valuestring) >= size) {
        return "call_id, retry_after, location and body are texts, and not too long";
    }
    memcpy(out, value->valuestring, strlen(value->valuestring) + 1);
    return NULL;
}

static const char *take_bool(const cJSON *value, bool *out)
{
    *out = cJSON_IsTrue(value);
    return cJSON_IsBool(value) ? NULL : "hang, reset and started are true or false";
}

static const char *take_garbage(const cJSON *value, enum cue_garbage *out)
{
    static const char *const NAMES[] = {"", "text", "empty", "types", "cut", "array"};
    for (size_t i = 1; cJSON_IsString(value) && i < sizeof NAMES / sizeof *NAMES; i++) {
        if (!strcmp(NAMES[i], value->valuestring)) {
            *out = (enum cue_garbage)i;
            return NULL;
        }
    }
    return "garbage is text, empty, types, cut or array";
}

static const char *take_probability(const cJSON *value, double *out)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= 1)) {
        return "probability is a number from 0 to 1";
    }
    *out = value->valuedouble;
    return NULL;
}

static const char *take_status(const cJSON *value, unsigned *out)
{
    uint64_t status = 0;
    const char *problem = take_number(value, 599, &status);
    *out = (unsigned)status;
    return problem || status >= 200 ? problem : "status is a number from 200 to 599";
}

static const char *take_member(struct cue *cue, const char *name, const cJSON *value)
{
    if (!strcmp(name, "status")) {
        return take_status(value, &cue->status);
    } else if (!strcmp(name, "count")) {
        return take_number(value, UINT32_MAX, &cue->count);
    } else if (!strcmp(name, "probability")) {
        return take_probability(value, &cue->probability);
    } else if (!strcmp(name, "delay_ms")) {
        return take_number(value, CUE_DELAY_MS_MAX, &cue->delay_ms);
    } else if (!strcmp(name, "bytes")) {
        return take_number(value, CUE_ANSWER_BYTES_MAX, &cue->bytes);
    } else if (!strcmp(name, "call_id")) {
        return take_text(value, cue->call_id, sizeof cue->call_id);
    } else if (!strcmp(name, "retry_after")) {
        return take_text(value, cue->retry_after, sizeof cue->retry_after);
    } else if (!strcmp(name, "location")) {
        return take_text(value, cue->location, sizeof cue->location);
    } else if (!strcmp(name, "body")) {
        cue->has_body = true;
        return take_text(value, cue->body, sizeof cue->body);
    } else if (!strcmp(name, "hang")) {
        return take_bool(value, &cue->hang);
    } else if (!strcmp(name, "reset")) {
        return take_bool(value, &cue->reset);
    } else if (!strcmp(name, "started")) {
        return take_bool(value, &cue->started);
    } else if (!strcmp(name, "garbage")) {
        return take_garbage(value, &cue->garbage);
    }
    return "a member is unknown; known are status, count, probability, call_id, delay_ms, "
           "hang, reset, started, garbage, body, bytes, retry_after and location";
}

static const char *from_json(struct cue *cue, const cJSON *object)
{
    const cJSON *member;
    *cue = (struct cue){.probability = 1};
    cue->count = cJSON_HasObjectItem(object, "probability") ? 0 : 1;
    if (!cJSON_IsObject(object)) {
        return "each is an object";
    }
    cJSON_ArrayForEach(member, object)
    {
        const char *problem = take_member(cue, member->string, member);
        if (problem) {
            return problem;
        }
    }
    cue->is_endless = cue->count == 0;
    return NULL;
}

const char *cues_add(struct cues *cues, const cJSON *array)
{
    struct entry *first = NULL, **end = &first;
    const char *problem = cJSON_IsArray(array) ? NULL : "an array is needed";
    size_t count = 0;
    const cJSON *object;
    cJSON_ArrayForEach(object, array)
    {
        if (problem || cues->count + count >= CUES_MAX) {
            problem = problem ? problem : "the queue is full; clear_cues empties it";
            break;
        }
        *end = memory_zeroed(sizeof **end);
        problem = from_json(&(*end)->cue, object);
        end = &(*end)->next;
        count++;
    }
    if (problem) {
        free_entries(first);
        return problem;
    }
    struct entry **last = &cues->oldest;
    while (*last) {
        last = &(*last)->next;
    }
    *last = first;
    cues->count += count;
    return NULL;
}

// --- for a request ----------------------------------------------------------------------------

static bool wants(const struct cue *cue, const char *idempotency_key, struct chance *chance)
{
    if (cue->call_id[0] && (!idempotency_key || !strstr(idempotency_key, cue->call_id))) {
        return false;
    }
    return chance_hits(chance, cue->probability);
}

struct cue *cues_take(struct cues *cues, const char *idempotency_key, struct chance *chance)
{
    for (struct entry **entry = &cues->oldest; *entry; entry = &(*entry)->next) {
        struct entry *found = *entry;
        if (!wants(&found->cue, idempotency_key, chance)) {
            continue;
        }
        struct cue *cue = memory_zeroed(sizeof *cue);
        *cue = found->cue;
        if (!found->cue.is_endless && --found->cue.count == 0) {
            *entry = found->next;
            free(found);
            cues->count--;
        }
        return cue;
    }
    return NULL;
}
