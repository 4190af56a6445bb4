// Changes that an operator makes on the board: pause, resume, cancel, replay, an export with
// numbers. Each is one command of dialin-audit as the user of BOARD_ACTIONS_REDIS_URL; the intent
// stands in {dialin}:operators before, the outcome after it.
#ifndef DIALIN_BOARD_ACTIONS_H
#define DIALIN_BOARD_ACTIONS_H

#include "http_server.h"

// For the routes; `board` is a struct board.
void actions_pause(struct http_request *request, void *board);  // {"agent"}
void actions_resume(struct http_request *request, void *board); // {"agent"}
void actions_cancel(struct http_request *request, void *board); // {"id"}
void actions_plan(struct http_request *request, void *board);   // {"id"}: a plan for a replay
void actions_replay(struct http_request *request, void *board); // {"plan"}
void actions_export(struct http_request *request,
                    void *board); // as api/calls: CSV, with the numbers

#endif
