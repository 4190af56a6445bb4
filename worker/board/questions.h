// Questions to the record, put to dialin-audit: POST {"id"} to api/call, the flags of `list` to
// api/calls. The answers have their numbers hidden.
#ifndef DIALIN_BOARD_QUESTIONS_H
#define DIALIN_BOARD_QUESTIONS_H

#include "http_server.h"

// For the routes; `board` is a struct board.
void questions_call(struct http_request *request, void *board);
void questions_reveal(struct http_request *request, void *board); // api/call, numbers not hidden
void questions_calls(struct http_request *request, void *board);
void questions_refused(struct http_request *request, void *board);
void questions_account(struct http_request *request, void *board);

#endif
