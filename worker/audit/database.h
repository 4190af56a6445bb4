// The tool's way to Redis: one connection, one question after another, or a page of them in one
// pipeline. Whatever goes wrong is said on standard error in a sentence, once, and then every
// answer is NULL: the command ends with exit code 1.
#ifndef DIALIN_AUDIT_DATABASE_H
#define DIALIN_AUDIT_DATABASE_H

#include "bytes.h"
#include "entry_id.h"
#include "redis_address.h"
#include "redis_keys.h"
#include "redis_reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATABASE_ANSWER_S 60 // for one answer; a slow disk or a long script is waited for
#define DATABASE_LEAVE_S 2   // the same once an interrupt has come
#define DATABASE_ARGUMENTS_MAX 600
#define DATABASE_PAGE 256 // rows of a stream

struct database;

// Returns NULL, after printing a sentence, if Redis cannot be used.
struct database *database_open(const struct redis_address *address, const char *prefix);
void database_close(struct database *database); // NULL is allowed

const char *database_prefix(const struct database *database);
bool database_is_lost(const struct database *database); // an answer was NULL

// A key: <prefix><name><rest>. Without a rest it is valid as long as the database, with one until
// the sixteenth next call that has one.
struct bytes_view database_key(struct database *database, enum redis_key name, const char *rest);

// Puts a question into the pipeline; the arguments are copied.
void database_send(struct database *database, size_t argc, const struct bytes_view *argv);

// The next answer of the pipeline, to be freed with freeReplyObject(); error replies are said, and
// are NULL as well.
redisReply *database_receive(struct database *database);

// The same for a reply that must have a shape (reply_has_shape): if it has another, that is
// reported, and NULL is returned.
redisReply *database_receive_shaped(struct database *database, const char *shape);
redisReply *database_ask_shaped(struct database *database, const char *shape, size_t argc,
                                const struct bytes_view *argv);

// The same for a caller that expects error replies: they are returned.
redisReply *database_receive_any(struct database *database);

// The same for a stream or group that may not exist: the error reply about that is returned.
redisReply *database_receive_or_absent(struct database *database);

// A page of a stream, DATABASE_PAGE rows at most: of its entries from one id to another, both
// included, the oldest first or the newest. It can be sent, and received later.
enum database_order { OLDEST_FIRST, NEWEST_FIRST };
void database_page_send(struct database *database, enum redis_key stream, struct entry_id from,
                        struct entry_id to, enum database_order order);
redisReply *database_receive_page(struct database *database);
redisReply *database_page(struct database *database, enum redis_key stream, struct entry_id from,
                          struct entry_id to, enum database_order order);

uint64_t database_length(struct database *database, enum redis_key stream); // 0 if it is lost

redisReply *database_ask(struct database *database, size_t argc, const struct bytes_view *argv);

// The same for a command that runs or loads `script`, which is borrowed for the database's life:
// from then on errors name the script's file and line.
redisReply *database_run(struct database *database, struct bytes_view script, size_t argc,
                         const struct bytes_view *argv);

// Reads replies that are not needed; returns false if one was an error.
bool database_skip(struct database *database, size_t count);

// Redis' time, by its offset at database_open.
uint64_t database_now_ms(const struct database *database);

#endif
