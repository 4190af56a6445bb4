// The report of Redis on the screen System: the lines of INFO that matter.
#ifndef DIALIN_BOARD_REDIS_REPORT_H
#define DIALIN_BOARD_REDIS_REPORT_H

#include "http_server.h"
#include "redis.h"

// Answers the request once Redis has; 503 if it does not.
void redis_report_answer(struct redis *redis, struct http_request *request);

#endif
