// Questions to the record, put to dialin-audit: POST {"id"} to api/call, the flags of `list` to
// api/calls and api/refused, these with {"format":"csv"} too. The answers have their numbers
// hidden.
#ifndef DIALIN_BOARD_QUESTIONS_H
#define DIALIN_BOARD_QUESTIONS_H

#include "csv.h"
#include "http_server.h"
#include "json.h"

// For the routes; `board` is a struct board.
void questions_call(struct http_request *request, void *board);
void questions_reveal(struct http_request *request, void *board); // api/call, numbers not hidden
void questions_calls(struct http_request *request, void *board);
void questions_refused(struct http_request *request, void *board);
void questions_account(struct http_request *request, void *board);

// Makes of the members of a request to api/calls a query of calls, as many as CSV may have unless
// it gives a limit. Returns a sentence, or NULL.
const char *questions_selection(const cJSON *tree, cJSON *query);

// Answers with the lines of dialin-audit as CSV; the header X-Rows says how many there are.
void questions_answer_csv(struct http_request *request, const struct csv_columns *columns,
                          struct bytes_view lines, bool is_masked);

#endif
