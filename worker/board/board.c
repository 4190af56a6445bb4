// See board.h. Every request passes the gate by its head alone; what knows of calls also needs the
// session, if there is a token.
#include "board.h"

#include "actions.h"

#include "json.h"
#include "log.h"
#include "memory.h"
#include "pages.h"
#include "plans.h"
#include "questions.h"
#include "redis_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COOKIE_BYTES (SESSION_VALUE_BYTES + 128)
#define FORWARDED_BYTES_MAX 2048
#define ME_BYTES_MAX (8192 + REDIS_PREFIXES_MAX * 1024)

const struct http_header BOARD_HEADERS[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {NULL, NULL},
};

// --- the gate -----------------------------------------------------------------------------------

static struct gate_request head_of(const struct board *board, const struct http_request *request)
{
    const char *method = http_request_method(request);
    const char *user_header = board->rules.user_header;
    return (struct gate_request){
        .peer = http_request_peer(request),
        .is_api = !strncmp(http_request_path(request), "/api/", 5),
        .is_get = !strcmp(method, "GET") || !strcmp(method, "HEAD"),
        .is_forwarded = http_request_has_header_like(request, "Forwarded") ||
                        http_request_has_header_like(request, "X-Forwarded-"),
        .host = http_request_header(request, "Host"),
        .origin = http_request_header(request, "Origin"),
        .sec_fetch_site = http_request_header(request, "Sec-Fetch-Site"),
        .forwarded_host = http_request_header(request, "X-Forwarded-Host"),
        .forwarded_proto = http_request_header(request, "X-Forwarded-Proto"),
        .content_type = http_request_header(request, "Content-Type"),
        .user = user_header ? http_request_header(request, user_header) : NULL,
    };
}

// Returns false, and has answered, if the request may not come in.
static bool is_let_in(const struct board *board, struct http_request *request)
{
    const struct gate_request head = head_of(board, request);
    const struct gate_verdict verdict = gate_check(&board->rules, &head);
    if (verdict.status) {
        (*board->refused_counter)++;
        http_refuse(request, verdict.status, verdict.code, verdict.sentence, 0);
    }
    return !verdict.status;
}

static void pass_gate(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    is_let_in(board, request);
}

// Without a token there is no session, and it does not end.
static uint64_t session_end_ms(const struct board *board, const struct http_request *request)
{
    return board->session ? session_ends_ms(board->session, http_request_header(request, "Cookie"),
                                            loop_wall_ms())
                          : UINT64_MAX;
}

static bool is_logged_in(const struct board *board, const struct http_request *request)
{
    return session_end_ms(board, request) > 0;
}

static void pass_gate_with_session(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    if (is_let_in(board, request) && !is_logged_in(board, request)) {
        http_refuse(request, 401, "not_logged_in", "log in with BOARD_TOKEN first", 0);
    }
}

// --- the page -----------------------------------------------------------------------------------

static void answer_page(struct http_request *request, void *arg)
{
    (void)arg;
    char tag[PAGE_TAG_BYTES];
    const struct page *page = page_find(http_request_path(request));
    const char *known = http_request_header(request, "If-None-Match");
    page_tag(page, tag);
    const struct http_header headers[] = {
        {"Content-Type", page->type}, {"ETag", tag}, {"Cache-Control", "no-cache"}, {NULL, NULL}};
    bool is_known = known && strstr(known, tag);
    http_reply(request, is_known ? 304 : 200, is_known ? VIEW("") : page->text, headers);
}

// --- who one is ---------------------------------------------------------------------------------

void board_reply(struct http_request *request, struct bytes_view json)
{
    static const struct http_header HEADERS[] = {{"Cache-Control", "no-store"}, {NULL, NULL}};
    http_reply(request, 200, json, HEADERS);
}

static void append_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, ",\"%s\":", name);
    if (text) {
        json_append_text(out, view_of_text(text));
    } else {
        bytes_append_text(out, "null");
    }
}

// Only if there are several.
static void append_prefixes(struct bytes *out, const struct board_settings *settings, bool is_in)
{
    for (size_t i = 0; is_in && settings->prefix_count > 1 && i < settings->prefix_count; i++) {
        bytes_append_text(out, i > 0 ? "," : ",\"prefixes\":[");
        json_append_text(out, view_of_text(settings->prefixes[i]));
        bytes_append_text(out, i + 1 == settings->prefix_count ? "]" : "");
    }
}

static void answer_me(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    const struct gate_request head = head_of(board, request);
    bool is_in = is_logged_in(board, request);
    struct bytes body;
    bytes_init(&body, ME_BYTES_MAX);
    bytes_printf(&body, "{\"is_logged_in\":%s,\"has_token\":%s,\"may_reveal\":%s",
                 is_in ? "true" : "false", board->session ? "true" : "false",
                 is_in && board->settings->has_actions ? "true" : "false");
    append_prefixes(&body, board->settings, is_in);
    append_text(&body, "title", board->settings->title);
    append_text(&body, "user", head.user);
    append_text(&body, "version", is_in ? DIALIN_VERSION : NULL);
    append_text(&body, "login_problem", is_in ? NULL : gate_login_problem(&board->rules, &head));
    bytes_append_text(&body, "}");
    board_reply(request, bytes_view(&body));
    bytes_release(&body);
}

static void set_cookie(struct http_request *request, const char *value, uint64_t age_s,
                       bool is_https)
{
    char cookie[COOKIE_BYTES];
    snprintf(cookie, sizeof cookie, "%s=%s; Max-Age=%llu; HttpOnly; SameSite=Strict%s",
             SESSION_COOKIE, value, (unsigned long long)age_s, is_https ? "; Secure" : "");
    const struct http_header headers[] = {
        {"Set-Cookie", cookie}, {"Cache-Control", "no-store"}, {NULL, NULL}};
    http_reply(request, 200, VIEW("{\"status\":\"ok\"}"), headers);
}

const char *board_prefix(const struct board *board, const cJSON *tree, bool must_be_one,
                         size_t *prefix)
{
    const struct board_settings *settings = board->settings;
    const char *name = json_text(tree, "prefix");
    *prefix = settings->prefix_count == 1 ? 0 : CHILDREN_ALL;
    if (!cJSON_HasObjectItem(tree, "prefix")) {
        return must_be_one && *prefix == CHILDREN_ALL
                   ? "prefix is missing: this board shows several"
                   : NULL;
    }
    for (size_t i = 0; name && i < settings->prefix_count; i++) {
        if (!strcmp(settings->prefixes[i], name)) {
            *prefix = i;
            return NULL;
        }
    }
    return "prefix is none of those that this board shows";
}

const char *board_operator(const struct board *board, const struct http_request *request)
{
    const char *header = board->rules.user_header;
    return header ? http_request_header(request, header) : "token";
}

void board_sender(const struct board *board, const struct http_request *request,
                  char out[PEER_BYTES])
{
    struct bytes forwarded;
    bytes_init(&forwarded, FORWARDED_BYTES_MAX);
    http_request_header_joined(request, "X-Forwarded-For", &forwarded);
    peer_of(board->rules.proxies, http_request_peer(request), bytes_text(&forwarded), out);
    bytes_release(&forwarded);
}

static bool has_right_token(const struct board *board, const struct http_request *request)
{
    struct json_document document;
    if (json_parse(&document, http_request_body(request))) {
        return false;
    }
    const char *token = json_text(document.tree, "token");
    bool is_right = token && session_token_is_right(board->session, token);
    json_release(&document);
    return is_right;
}

static void answer_login(struct http_request *request, void *arg)
{
    struct board *board = arg;
    const struct gate_request head = head_of(board, request);
    const char *problem = gate_login_problem(&board->rules, &head);
    char sender[PEER_BYTES], value[SESSION_VALUE_BYTES];
    board_sender(board, request, sender);
    unsigned wait_s = login_limit_wait_s(board->logins, sender, loop_now_ms());
    if (!board->session) {
        http_refuse(request, 404, "no_token", "this board has no BOARD_TOKEN", 0);
    } else if (problem) {
        http_refuse(request, 403, "insecure", problem, 0);
    } else if (wait_s > 0) {
        http_refuse(request, 429, "too_many_tokens",
                    "ten wrong tokens came from this address: wait a minute", wait_s);
    } else if (!has_right_token(board, request)) {
        login_limit_wrong(board->logins, sender, loop_now_ms());
        log_warning("a wrong BOARD_TOKEN was tried", log_text("peer", sender));
        http_refuse(request, 401, "wrong_token", "this is not BOARD_TOKEN", 0);
    } else {
        session_value(board->session, loop_wall_ms(), value);
        set_cookie(request, value, SESSION_MS / 1000, gate_is_https(&board->rules, &head));
    }
}

static void answer_logout(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    const struct gate_request head = head_of(board, request);
    set_cookie(request, "", 0, gate_is_https(&board->rules, &head));
}

// --- what is live -------------------------------------------------------------------------------

static void answer_stream(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    live_stream(board->live, request, session_end_ms(board, request));
}

static void answer_now(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    live_now(board->live, request);
}

static void answer_redis(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    redis_report_answer(live_connection(board->live, 0), request);
}

static void answer_operators(struct http_request *request, void *arg)
{
    const struct board *board = arg;
    operators_answer_list(board->operators, request);
}

const struct http_route BOARD_ROUTES[] = {
    {"GET", "/", pass_gate, answer_page},
    {"GET", "/board.css", pass_gate, answer_page},
    {"GET", "/board.js", pass_gate, answer_page},
    {"GET", "/dom.js", pass_gate, answer_page},
    {"GET", "/live.js", pass_gate, answer_page},
    {"GET", "/now.js", pass_gate, answer_page},
    {"GET", "/calls.js", pass_gate, answer_page},
    {"GET", "/search.js", pass_gate, answer_page},
    {"GET", "/system.js", pass_gate, answer_page},
    {"GET", "/icon.svg", pass_gate, answer_page},
    {"GET", "/api/me", pass_gate, answer_me},
    {"POST", "/api/login", pass_gate, answer_login},
    {"POST", "/api/logout", pass_gate, answer_logout},
    {"GET", "/api/now", pass_gate_with_session, answer_now},
    {"GET", "/api/stream", pass_gate_with_session, answer_stream},
    {"POST", "/api/call", pass_gate_with_session, questions_call},
    {"POST", "/api/reveal", pass_gate_with_session, questions_reveal},
    {"POST", "/api/pause", pass_gate_with_session, actions_pause},
    {"POST", "/api/resume", pass_gate_with_session, actions_resume},
    {"POST", "/api/cancel", pass_gate_with_session, actions_cancel},
    {"POST", "/api/plan", pass_gate_with_session, actions_plan},
    {"POST", "/api/replay", pass_gate_with_session, actions_replay},
    {"POST", "/api/export", pass_gate_with_session, actions_export},
    {"GET", "/api/operators", pass_gate_with_session, answer_operators},
    {"POST", "/api/calls", pass_gate_with_session, questions_calls},
    {"POST", "/api/refused", pass_gate_with_session, questions_refused},
    {"GET", "/api/redis", pass_gate_with_session, answer_redis},
    {"GET", "/api/account", pass_gate_with_session, questions_account},
    {NULL, NULL, NULL, NULL},
};

void board_init(struct board *board, const struct board_settings *settings, struct loop *loop,
                struct metrics *metrics)
{
    *board = (struct board){
        .loop = loop,
        .settings = settings,
        .rules =
            {
                .has_token = settings->token != NULL,
                .is_local_only = settings->is_local_only,
                .user_header = settings->user_header,
                .hosts = settings->hosts,
                .proxies = settings->proxies,
            },
        .session = settings->token ? session_key_open(settings->token) : NULL,
        .logins = login_limit_open(),
        .children = children_open(loop, settings->actions_redis_url, settings->prefixes,
                                  settings->prefix_count),
        .plans = memory_zeroed(sizeof *board->plans),
    };
    board->refused_counter = metrics_counter(metrics, "dialin_board_refusals_total",
                                             "Requests that the gate refused.", NULL);
    board->live = live_open(loop, settings, metrics);
    board->operators = operators_open(board->live, settings);
}

void board_release(struct board *board)
{
    live_close(board->live);
    children_close(board->children);
    operators_close(board->operators);
    login_limit_close(board->logins);
    session_key_close(board->session);
    free(board->plans);
}
