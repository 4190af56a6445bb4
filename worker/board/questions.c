// See questions.h. What a browser sends is checked for its form only; dialin-audit knows what its
// flags mean, and its sentence is the answer's.
#include "questions.h"

#include "board.h"
#include "child_text.h"
#include "csv.h"
#include "entry_id.h"
#include "json_rows.h"
#include "memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 256
#define ROWS_BYTES 24
#define LIMIT_DEFAULT 100
#define WATCH_MS 500
#define LIMIT_MAX 500
#define ACCOUNT_SINCE "1h"    // of the calls that stats counts one by one: all might be too many
#define PREFIX_DIGITS_MAX 4   // of a number: more would find it digit by digit
#define QUERY_BYTES_MAX 16384 // as dialin-audit has it
#define ANSWER_BYTES_MAX (CHILD_OUTPUT_MAX * 2)

struct question_kind {
    const char *command;
    const char *list;   // the answer is {"<list>": […], "note": …}; NULL: it is one object
    const char *fields; // what a browser may send, between blanks
    const struct csv_columns *columns; // with `"format":"csv"`; NULL: it has none
    int csv_limit;
};

static const struct question_kind CALL = {"show", NULL, " id ", NULL, 0};
static const struct question_kind REVEAL = {"show", NULL, " id ", NULL, 0}; // and the numbers
static const struct question_kind CALLS = {
    "list", "calls", " since until state reason verdict from to agent kind route limit format ",
    &CSV_CALLS, 3000}; // about half of CHILD_OUTPUT_MAX
static const struct question_kind REFUSED = {"refused", "refused", " since until limit format ",
                                             &CSV_REFUSED, 500}; // with up to 4 KiB each
static const struct question_kind ACCOUNT = {"stats", NULL, " ", NULL, 0};

struct asked {
    struct board *board;
    struct http_request *request;
    const struct question_kind *kind;
    bool is_csv;
    size_t prefix;
    char intent[ENTRY_ID_BYTES]; // of REVEAL
    struct bytes query;
    struct loop_timer *watch; // for a client that leaves
};

static bool is_of_one_call(const struct question_kind *kind)
{
    return kind == &CALL || kind == &REVEAL;
}

// --- the query ----------------------------------------------------------------------------------

static bool may_send(const struct question_kind *kind, const char *name)
{
    const char *found = strstr(kind->fields, name);
    return *name && found && found[-1] == ' ' && found[strlen(name)] == ' ';
}

static bool is_plain_text(const cJSON *member)
{
    const char *text = cJSON_GetStringValue(member);
    if (!text || strlen(text) > TEXT_BYTES_MAX) {
        return false;
    }
    for (; *text; text++) {
        if ((unsigned char)*text < ' ') {
            return false;
        }
    }
    return true;
}

static bool is_long_prefix(const cJSON *member)
{
    const char *text = cJSON_GetStringValue(member);
    size_t digits = 0;
    for (const char *at = text; at && *at; at++) {
        digits += isdigit((unsigned char)*at) ? 1 : 0;
    }
    return text && strchr(text, '*') && digits > PREFIX_DIGITS_MAX;
}

static bool is_csv(const cJSON *member)
{
    return cJSON_IsString(member) && !strcmp(member->valuestring, "csv");
}

// Returns a sentence, or NULL if the member was added to the query.
static const char *take_member(const struct question_kind *kind, const cJSON *member, cJSON *query)
{
    bool is_number = !strcmp(member->string, "from") || !strcmp(member->string, "to");
    if (!may_send(kind, member->string)) {
        return "the request has a member that this question does not take";
    }
    if (!strcmp(member->string, "limit")) {
        bool is_good =
            cJSON_IsNumber(member) && member->valuedouble >= 1 && member->valuedouble <= LIMIT_MAX;
        cJSON_AddNumberToObject(query, "limit", member->valuedouble);
        return is_good ? NULL : "limit must be a number from 1 to 500";
    }
    if (!strcmp(member->string, "format")) {
        return is_csv(member) ? NULL : "format must be csv, if it is given";
    }
    if (!is_plain_text(member)) {
        return "a member must be a text of at most 256 bytes";
    }
    if (is_number && is_long_prefix(member)) {
        return "a prefix of more than 4 digits would reveal numbers: give the whole number";
    }
    const char *name = !strcmp(member->string, "id") ? "argument" : member->string;
    cJSON_AddStringToObject(query, name, member->valuestring);
    return NULL;
}

static const char *make_query(const struct question_kind *kind, const cJSON *tree, cJSON *query)
{
    cJSON_AddStringToObject(query, "command", kind->command);
    if (kind == &ACCOUNT) {
        cJSON_AddStringToObject(query, "since", ACCOUNT_SINCE);
    }
    for (const cJSON *member = tree ? tree->child : NULL; member; member = member->next) {
        bool is_prefix = !strcmp(member->string, "prefix"); // board_prefix looks at it
        const char *problem = is_prefix ? NULL : take_member(kind, member, query);
        if (problem) {
            return problem;
        }
    }
    if (is_of_one_call(kind) && !json_text(query, "argument")) {
        return "id is missing";
    }
    if (kind->list && !cJSON_GetObjectItemCaseSensitive(query, "limit")) {
        bool is_table = is_csv(cJSON_GetObjectItemCaseSensitive(tree, "format"));
        cJSON_AddNumberToObject(query, "limit", is_table ? kind->csv_limit : LIMIT_DEFAULT);
    }
    return NULL;
}

const char *questions_selection(const cJSON *tree, cJSON *query)
{
    const char *problem = make_query(&CALLS, tree, query);
    if (!problem && !cJSON_HasObjectItem(tree, "limit")) {
        cJSON_ReplaceItemInObjectCaseSensitive(query, "limit", cJSON_CreateNumber(CALLS.csv_limit));
    }
    return problem;
}

// --- the answer ---------------------------------------------------------------------------------

static void refuse(const struct asked *asked, const struct child_result *result)
{
    struct bytes sentence;
    struct http_request *request = asked->request;
    bytes_init(&sentence, CHILD_ERRORS_MAX * 2);
    child_text_sentence(result->errors, &sentence);
    const char *text = sentence.len > 0 ? bytes_text(&sentence) : "dialin-audit failed";
    if (result->end == CHILD_TOO_SLOW) {
        http_refuse(request, 503, "too_slow", "the answer took over 10 s: ask for a shorter time",
                    1);
    } else if (result->end == CHILD_TOO_LARGE) {
        http_refuse(request, 503, "too_large", "the answer has over 4 MB: ask for less", 1);
    } else if (result->end == CHILD_FAILED) {
        http_refuse(request, 500, "failed", text, 0);
    } else if (result->exit_code == 2) {
        http_refuse(request, 400, "invalid_question", text, 0);
    } else if (is_of_one_call(asked->kind) && !live_not_ready_reason(asked->board->live)) {
        http_refuse(request, 404, "not_found", text, 0);
    } else {
        http_refuse(request, 503, "record_unavailable", text, 1);
    }
    bytes_release(&sentence);
}

static void append_lines(struct bytes_view output, size_t max, bool is_masked, struct bytes *body)
{
    size_t count = 0;
    for (cJSON *tree; count < max && (tree = json_rows_take(&output, is_masked)) != NULL; count++) {
        bytes_append_text(body, count > 0 ? "," : "");
        json_print(tree, body);
        cJSON_Delete(tree);
    }
}

void questions_answer_csv(struct http_request *request, const struct csv_columns *columns,
                          struct bytes_view lines, bool is_masked)
{
    struct bytes body;
    char rows[ROWS_BYTES];
    bytes_init(&body, CSV_BYTES_MAX(CHILD_OUTPUT_MAX));
    size_t count = csv_append(&body, columns, lines, is_masked);
    snprintf(rows, sizeof rows, "%zu", count);
    const struct http_header headers[] = {
        {"Content-Type", "text/csv; charset=utf-8"},
        {"Content-Disposition", "attachment; filename=\"calls.csv\""},
        {"Cache-Control", "no-store"},
        {"X-Rows", rows},
        {NULL, NULL}};
    http_reply(request, 200, bytes_view(&body), headers);
    bytes_release(&body);
}

static void answer(const struct asked *asked, const struct child_result *result)
{
    struct bytes body, note;
    const char *list = asked->kind->list;
    if (asked->kind == &ACCOUNT && asked->prefix == CHILDREN_ALL) {
        list = "prefixes";
    }
    if (asked->is_csv) {
        questions_answer_csv(asked->request, asked->kind->columns, result->output, true);
        return;
    }
    bytes_init(&body, ANSWER_BYTES_MAX);
    bytes_init(&note, CHILD_ERRORS_MAX * 2);
    if (list) {
        bytes_printf(&body, "{\"%s\":[", list);
    }
    // A call may be found under several prefixes: the first is meant.
    append_lines(result->output, list ? SIZE_MAX : 1, asked->kind != &REVEAL, &body);
    if (list) {
        child_text_sentence(result->errors, &note);
        bytes_append_text(&body, "],\"note\":");
        json_append_text(&body, bytes_view(&note));
        bytes_append_text(&body, "}");
    }
    board_reply(asked->request, bytes_view(&body));
    bytes_release(&body);
    bytes_release(&note);
}

static void forget(struct asked *asked)
{
    loop_timer_close(asked->watch);
    bytes_release(&asked->query);
    free(asked);
}

static void on_end(const struct child_result *result, void *arg)
{
    struct asked *asked = arg;
    // stats leaves with 1 if the account does not add up, and has printed it.
    bool has_answer =
        result->end == CHILD_LEFT &&
        (result->exit_code == 0 ||
         (asked->kind == &ACCOUNT && result->exit_code == 1 && result->output.len > 0));
    if (asked->kind == &REVEAL) {
        operators_note_outcome(asked->board->operators, asked->prefix, asked->intent,
                               has_answer ? "shown" : "not shown");
    }
    if (has_answer) {
        answer(asked, result);
    } else {
        refuse(asked, result);
    }
    forget(asked);
}

// --- asking -------------------------------------------------------------------------------------

static void on_watch(void *arg)
{
    struct asked *asked = arg;
    if (http_request_is_abandoned(asked->request)) {
        children_kill(asked->board->children, asked);
    } else {
        loop_timer_start(asked->watch, WATCH_MS);
    }
}

static void ask(struct asked *asked)
{
    if (!children_ask(asked->board->children, asked->prefix, bytes_view(&asked->query), on_end,
                      asked)) {
        http_refuse(asked->request, 503, "busy", "too many questions at once; try again", 1);
        forget(asked);
    }
}

static void on_noted(const char *id, void *arg)
{
    struct asked *asked = arg;
    if (id) {
        view_copy(view_of_text(id), asked->intent, sizeof asked->intent);
        ask(asked);
    } else {
        http_refuse(asked->request, 503, "not_recorded",
                    "nothing is revealed, because it could not be recorded", 1);
        forget(asked);
    }
}

// The record comes before the deed.
static void reveal(struct asked *asked, const cJSON *query)
{
    char sender[PEER_BYTES];
    board_sender(asked->board, asked->request, sender);
    const struct operator_intent intent = {
        .action = "reveal",
        .field = "call_id",
        .value = json_text(query, "argument"),
        .operator= board_operator(asked->board, asked->request),
        .peer = sender,
    };
    operators_intend(asked->board->operators, asked->prefix, &intent, on_noted, asked);
}

static void begin(struct board *board, struct http_request *request,
                  const struct question_kind *kind, const cJSON *query, struct asked with)
{
    struct asked *asked = memory_zeroed(sizeof *asked);
    *asked = with;
    asked->board = board;
    asked->request = request;
    asked->kind = kind;
    asked->watch = loop_timer_open(board->loop, on_watch, asked);
    loop_timer_start(asked->watch, WATCH_MS);
    bytes_init(&asked->query, QUERY_BYTES_MAX);
    json_print(query, &asked->query);
    if (kind == &REVEAL) {
        reveal(asked, query);
    } else {
        ask(asked);
    }
}

static void take_question(struct http_request *request, struct board *board,
                          const struct question_kind *kind)
{
    struct json_document document = {0};
    bool has_body = http_request_body(request).len > 0;
    const char *problem = has_body ? json_parse(&document, http_request_body(request)) : NULL;
    cJSON *query = cJSON_CreateObject();
    struct asked with = {.is_csv = cJSON_HasObjectItem(document.tree, "format")};
    if (problem) {
        http_refuse(request, 400, "invalid_json", problem, 0);
    } else if ((problem = make_query(kind, document.tree, query)) != NULL ||
               (problem = board_prefix(board, document.tree, kind == &REVEAL, &with.prefix)) !=
                   NULL) {
        http_refuse(request, 400, "invalid_question", problem, 0);
    } else {
        begin(board, request, kind, query, with);
    }
    cJSON_Delete(query);
    json_release(&document);
}

void questions_call(struct http_request *request, void *board)
{
    take_question(request, board, &CALL);
}

void questions_reveal(struct http_request *request, void *arg)
{
    struct board *board = arg;
    if (board->settings->has_actions) {
        take_question(request, board, &REVEAL);
    } else {
        http_refuse(request, 403, "read_only", "this board only reads: BOARD_ACTIONS is not set",
                    0);
    }
}

void questions_calls(struct http_request *request, void *board)
{
    take_question(request, board, &CALLS);
}

void questions_refused(struct http_request *request, void *board)
{
    take_question(request, board, &REFUSED);
}

void questions_account(struct http_request *request, void *board)
{
    take_question(request, board, &ACCOUNT);
}
