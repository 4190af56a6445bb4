// See actions.h. An action that has begun is not ended by its viewer's leaving.
#include "actions.h"

#include "board.h"
#include "child_text.h"
#include "csv.h"
#include "entry_id.h"
#include "json.h"
#include "memory.h"
#include "plans.h"
#include "questions.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 256
#define QUERY_BYTES_MAX 16384
#define DETAIL_BYTES_MAX 8192 // of a selection

enum action_name { PAUSE, RESUME, CANCEL, PLAN, REPLAY, EXPORT };

static const struct action_kind {
    const char *action;  // as it is recorded; NULL: it changes nothing, and is not
    const char *command; // of dialin-audit
    const char *wants;   // the member of the request; NULL: a selection, as api/calls takes it
    const char *field;   // of the record
    const char *flags[4];
    bool takes_operator; // --operator and --intent
} KINDS[] = {
    [PAUSE] = {"pause", "pause", "agent", "agent", {"yes"}, true},
    [RESUME] = {"resume", "resume", "agent", "agent", {"yes"}, true},
    [CANCEL] = {"cancel", "cancel", "id", "call_id", {"yes"}, true},
    [PLAN] = {NULL, "replay", "id", "call_id", {"live"}, false},
    [REPLAY] = {"replay", "replay", "plan", "call_id", {"live", "yes", "detach"}, false},
    [EXPORT] = {"export", "list", NULL, "query", {NULL}, false},
};

struct doing {
    struct board *board;
    struct http_request *request;
    const struct action_kind *kind;
    size_t prefix;
    cJSON *query;
    char intent[ENTRY_ID_BYTES];
};

static void forget(struct doing *doing)
{
    cJSON_Delete(doing->query);
    free(doing);
}

// --- the answer ---------------------------------------------------------------------------------

static void answer_plan(const struct doing *doing, const char *sentence)
{
    struct board *board = doing->board;
    const char *id = plans_add(board->plans, json_text(doing->query, "argument"), doing->prefix,
                               board_operator(board, doing->request), loop_now_ms());
    struct bytes body;
    bytes_init(&body, CHILD_ERRORS_MAX * 4);
    bytes_printf(&body, "{\"plan\":\"%s\",\"expires_s\":%d,\"sentence\":", id ? id : "", PLAN_S);
    json_append_text(&body, view_of_text(sentence));
    bytes_append_text(&body, "}");
    if (id) {
        board_reply(doing->request, bytes_view(&body));
    } else {
        http_refuse(doing->request, 400, "invalid_question", "the id is too long", 0);
    }
    bytes_release(&body);
}

static void answer(const struct doing *doing, const struct child_result *result,
                   const char *sentence)
{
    if (doing->kind == &KINDS[PLAN]) {
        answer_plan(doing, sentence);
    } else if (doing->kind == &KINDS[EXPORT]) {
        questions_answer_csv(doing->request, &CSV_CALLS, result->output, false);
    } else {
        board_reply(doing->request, VIEW("{\"status\":\"done\"}"));
    }
}

static void refuse(const struct doing *doing, const struct child_result *result,
                   const char *sentence)
{
    struct http_request *request = doing->request;
    bool lacks_right = strstr(sentence, "NOPERM") || strstr(sentence, "ermission");
    if (result->end == CHILD_TOO_SLOW) {
        http_refuse(request, 503, "too_slow",
                    "it took over 10 s: whether it is done, the record of the call says", 1);
    } else if (result->end == CHILD_TOO_LARGE) {
        http_refuse(request, 503, "too_large", "the answer has over 4 MB: ask for less", 0);
    } else if (result->end == CHILD_FAILED) {
        http_refuse(request, 500, "failed", *sentence ? sentence : "dialin-audit failed", 0);
    } else if (result->exit_code == 2) {
        http_refuse(request, 400, "invalid_question", sentence, 0);
    } else if (lacks_right) {
        http_refuse(request, 403, "no_right", sentence, 0);
    } else {
        http_refuse(request, 409, "not_done", *sentence ? sentence : "nothing was done", 0);
    }
}

static void on_end(const struct child_result *result, void *arg)
{
    struct doing *doing = arg;
    struct bytes sentence;
    bool is_done = result->end == CHILD_LEFT && result->exit_code == 0;
    bytes_init(&sentence, CHILD_ERRORS_MAX * 2);
    child_text_sentence(result->errors, &sentence);
    if (doing->kind->action) {
        const char *outcome = is_done                         ? "done"
                              : result->end == CHILD_TOO_SLOW ? "unknown: it took too long"
                                                              : "not done";
        operators_note_outcome(doing->board->operators, doing->prefix, doing->intent, outcome);
    }
    if (is_done) {
        answer(doing, result, bytes_text(&sentence));
    } else {
        refuse(doing, result, bytes_text(&sentence));
    }
    bytes_release(&sentence);
    forget(doing);
}

// --- doing it -----------------------------------------------------------------------------------

static void run(struct doing *doing)
{
    struct bytes query;
    bytes_init(&query, QUERY_BYTES_MAX);
    json_print(doing->query, &query);
    bool is_begun = children_do(doing->board->children, doing->kind->action != NULL, doing->prefix,
                                bytes_view(&query), on_end, doing);
    bytes_release(&query);
    if (is_begun) {
        return;
    }
    if (doing->kind->action) {
        operators_note_outcome(doing->board->operators, doing->prefix, doing->intent,
                               "not done: too busy");
    }
    http_refuse(doing->request, 503, "busy", "too many questions at once; try again", 1);
    forget(doing);
}

static void on_noted(const char *id, void *arg)
{
    struct doing *doing = arg;
    if (!id) {
        http_refuse(doing->request, 503, "not_recorded",
                    "nothing is done, because it could not be recorded", 1);
        forget(doing);
        return;
    }
    view_copy(view_of_text(id), doing->intent, sizeof doing->intent);
    if (doing->kind->takes_operator) {
        cJSON_AddStringToObject(doing->query, "operator",
                                board_operator(doing->board, doing->request));
        cJSON_AddStringToObject(doing->query, "intent", id);
    }
    run(doing);
}

// The record comes before the deed.
static void intend(struct doing *doing)
{
    struct bytes detail;
    char sender[PEER_BYTES];
    bytes_init(&detail, DETAIL_BYTES_MAX);
    board_sender(doing->board, doing->request, sender);
    const char *argument = json_text(doing->query, "argument");
    if (!argument) {
        json_print(doing->query, &detail);
    }
    const struct operator_intent intent = {
        .action = doing->kind->action,
        .field = doing->kind->field,
        .value = argument ? argument : bytes_text(&detail),
        .operator= board_operator(doing->board, doing->request),
        .peer = sender,
    };
    operators_intend(doing->board->operators, doing->prefix, &intent, on_noted, doing);
    bytes_release(&detail);
}

// --- the request --------------------------------------------------------------------------------

static bool is_plain_text(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ') {
            return false;
        }
    }
    return len > 0 && len <= TEXT_BYTES_MAX;
}

// Returns a sentence, or NULL.
static const char *make_query(const struct action_kind *kind, const cJSON *tree, cJSON *query)
{
    if (!kind->wants) {
        return questions_selection(tree, query);
    }
    cJSON_AddStringToObject(query, "command", kind->command);
    for (const char *const *flag = kind->flags; *flag; flag++) {
        cJSON_AddTrueToObject(query, *flag);
    }
    const char *text = json_text(tree, kind->wants);
    if (!is_plain_text(text)) {
        return "the member is missing, or is not a text of at most 256 bytes: agent for pause and "
               "resume, id for cancel and plan, plan for replay";
    }
    cJSON_AddStringToObject(query, "argument", text);
    return NULL;
}

// The call that was planned stands in for the plan.
static bool resolve_plan(struct board *board, struct http_request *request, cJSON *query,
                         size_t *prefix)
{
    char call_id[PLAN_TEXT_BYTES];
    bool is_known = plans_take(board->plans, json_text(query, "argument"),
                               board_operator(board, request), loop_now_ms(), call_id, prefix);
    if (is_known) {
        cJSON_ReplaceItemInObjectCaseSensitive(query, "argument", cJSON_CreateString(call_id));
    } else {
        http_refuse(request, 409, "plan_expired",
                    "this plan is done already, or older than 60 s: plan it again", 0);
    }
    return is_known;
}

static void begin(struct board *board, struct http_request *request, const struct action_kind *kind,
                  cJSON *query, size_t prefix)
{
    struct doing *doing = memory_zeroed(sizeof *doing);
    *doing = (struct doing){
        .board = board, .request = request, .kind = kind, .prefix = prefix, .query = query};
    if (kind->action) {
        intend(doing);
    } else {
        run(doing);
    }
}

static void take(struct http_request *request, struct board *board, enum action_name name)
{
    struct json_document document = {0};
    const struct action_kind *kind = &KINDS[name];
    if (!board->settings->has_actions) {
        http_refuse(request, 403, "read_only", "this board only reads: BOARD_ACTIONS is not set",
                    0);
        return;
    }
    const char *problem = json_parse(&document, http_request_body(request));
    if (problem) {
        http_refuse(request, 400, "invalid_json", problem, 0);
        return;
    }
    cJSON *query = cJSON_CreateObject();
    size_t prefix = 0;
    problem = make_query(kind, document.tree, query);
    if (!problem && name != REPLAY) { // the plan knows it
        problem = board_prefix(board, document.tree, true, &prefix);
    }
    json_release(&document);
    if (problem) {
        http_refuse(request, 400, "invalid_question", problem, 0);
        cJSON_Delete(query);
    } else if (name == REPLAY && !resolve_plan(board, request, query, &prefix)) {
        cJSON_Delete(query);
    } else {
        begin(board, request, kind, query, prefix);
    }
}

void actions_pause(struct http_request *request, void *board)
{
    take(request, board, PAUSE);
}

void actions_resume(struct http_request *request, void *board)
{
    take(request, board, RESUME);
}

void actions_cancel(struct http_request *request, void *board)
{
    take(request, board, CANCEL);
}

void actions_plan(struct http_request *request, void *board)
{
    take(request, board, PLAN);
}

void actions_replay(struct http_request *request, void *board)
{
    take(request, board, REPLAY);
}

void actions_export(struct http_request *request, void *board)
{
    take(request, board, EXPORT);
}
