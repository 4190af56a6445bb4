// Reads a server's INFO, and judges whether calls are safe with it.
#ifndef DIALIN_REDIS_INFO_H
#define DIALIN_REDIS_INFO_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

// Why this server cannot be used (now), in a sentence; NULL: it can.
const char *redis_info_problem(const char *info, bool may_be_replica);

// Warns of settings with which calls may be lost: eviction, no append-only file.
void redis_info_warn(const char *info, const char *connection);
bool redis_info_has_file(const char *info); // an append-only one

// The same of the answer to CONFIG GET appendfsync, which a server may refuse to give.
void redis_info_warn_of_fsync(const redisReply *reply, const char *connection);

#endif
