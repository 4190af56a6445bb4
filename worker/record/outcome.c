// See outcome.h. Each kind of field has a macro that resets it and one that makes its argument.
#include "outcome.h"

#include "redis_command.h"

#include <assert.h>
#include <stdio.h>

#define CALLBACK_BYTES_MAX 16384
#define DIALLED_BYTES_MAX 2048

static_assert(sizeof((struct outcome_args *)0)->number[0] >= REDIS_NUMBER_BYTES,
              "a number fits its argument");

#define FIELD_NAME(kind, name, size) #name " "
const char OUTCOME_FIELD_NAMES[] = OUTCOME_FIELDS(FIELD_NAME);

void outcome_init(struct outcome *outcome, size_t request_bytes_max, size_t response_bytes_max)
{
    *outcome = (struct outcome){.reason = ""};
    bytes_init(&outcome->request, request_bytes_max);
    bytes_init(&outcome->response, response_bytes_max);
    bytes_init(&outcome->callback, CALLBACK_BYTES_MAX);
    bytes_init(&outcome->dialled, DIALLED_BYTES_MAX);
}

void outcome_release(struct outcome *outcome)
{
    bytes_release(&outcome->request);
    bytes_release(&outcome->response);
    bytes_release(&outcome->callback);
    bytes_release(&outcome->dialled);
}

#define RESET_NAME(name) outcome->name = OUTCOME_STARTED;
#define RESET_TEXT(name) outcome->name = "";
#define RESET_ARRAY(name) outcome->name[0] = '\0';
#define RESET_NUMBER(name) outcome->name = 0;
#define RESET_STATUS(name) outcome->name = 0;
#define RESET_FLAG(name) outcome->name = false;
#define RESET_BYTES(name) bytes_clear(&outcome->name);
#define RESET(kind, name, size) RESET_##kind(name)

void outcome_set(struct outcome *outcome, enum outcome_name name, const char *reason,
                 const char *error)
{
    OUTCOME_FIELDS(RESET)
    outcome->name = name;
    outcome->reason = reason;
    snprintf(outcome->error, sizeof outcome->error, "%s", error ? error : "");
}

static const char *text_of(enum outcome_name name)
{
    switch (name) {
    case OUTCOME_STARTED:
        return "started";
    case OUTCOME_DEAD:
        return "dead";
    case OUTCOME_LINE:
        return "line";
    case OUTCOME_AGAIN:
        return "again";
    case OUTCOME_REJECTED:
        return "rejected";
    }
    return "";
}

#define ARG_NAME(name) view_of_text(text_of(outcome->name))
#define ARG_TEXT(name) view_of_text(outcome->name)
#define ARG_ARRAY(name) view_of_text(outcome->name)
#define ARG_NUMBER(name) redis_number(args->number[i], outcome->name)
#define ARG_STATUS(name) (outcome->name ? ARG_NUMBER(name) : VIEW(""))
#define ARG_FLAG(name) (outcome->name ? VIEW("1") : VIEW("0"))
#define ARG_BYTES(name) bytes_view(&outcome->name)
#define ARG(kind, name, size)                                                                      \
    args->view[i] = ARG_##kind(name);                                                              \
    i++;

void outcome_to_args(const struct outcome *outcome, struct outcome_args *args)
{
    size_t i = 0;
    OUTCOME_FIELDS(ARG)
    assert(i == OUTCOME_FIELDS_COUNT);
}
