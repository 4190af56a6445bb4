// The board's HTTP: who may ask, the page, the log-in. What it knows of calls is in live.h and
// questions.h.
#ifndef DIALIN_BOARD_H
#define DIALIN_BOARD_H

#include "board_settings.h"
#include "children.h"
#include "gate.h"
#include "json.h"
#include "live.h"
#include "login_limit.h"
#include "operators.h"
#include "session.h"

struct board {
    struct loop *loop;
    const struct board_settings *settings;
    struct gate_rules rules;
    struct session_key *session; // NULL: no token
    struct login_limit *logins;
    struct children *children;
    struct live *live;
    struct operators *operators;
    struct plans *plans;
    uint64_t *refused_counter;
};

extern const struct http_route BOARD_ROUTES[];   // their argument is the board
extern const struct http_header BOARD_HEADERS[]; // of every answer

// `settings` are borrowed.
void board_init(struct board *board, const struct board_settings *settings, struct loop *loop,
                struct metrics *metrics);
void board_release(struct board *board);

// Who asks: the name in the user header, or "token".
const char *board_operator(const struct board *board, const struct http_request *request);

// Where from, behind trusted proxies.
void board_sender(const struct board *board, const struct http_request *request,
                  char out[PEER_BYTES]);

// Which prefix the member `prefix` of a request names. Without it: the only one, or, unless there
// must be one, CHILDREN_ALL. Returns a sentence, or NULL.
const char *board_prefix(const struct board *board, const cJSON *tree, bool must_be_one,
                         size_t *prefix);

// Answers JSON that no cache may keep.
void board_reply(struct http_request *request, struct bytes_view json);

#endif
