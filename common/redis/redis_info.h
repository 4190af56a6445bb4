// Reads a server's INFO, and judges whether calls are safe with it.
#ifndef DIALIN_REDIS_INFO_H
#define DIALIN_REDIS_INFO_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

// Why this server cannot be used (now), in a sentence; NULL: it can.
const char *redis_info_problem(const char *info, bool may_be_replica);

// Settings with which calls may be lost, each as a sentence that says what to do; NULL: it is
// right, or not told. The last is of the answer to CONFIG GET appendfsync, which a server may
// refuse.
const char *redis_info_eviction(const char *info);
const char *redis_info_no_file(const char *info);
const char *redis_info_fsync(const redisReply *reply);

// Logs a warning for each of the first two.
void redis_info_warn(const char *info, const char *connection);
bool redis_info_has_file(const char *info); // an append-only one

// Logs a warning of the last.
void redis_info_warn_of_fsync(const redisReply *reply, const char *connection);

#endif
