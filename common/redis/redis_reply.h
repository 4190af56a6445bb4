// Reads a reply of Redis: its error, its type, the members of a list of names and values.
#ifndef DIALIN_REDIS_REPLY_H
#define DIALIN_REDIS_REPLY_H

#include "bytes.h"

#include <hiredis/hiredis.h> // for redisReply, the one type of it that travels
#include <stdbool.h>
#include <stdint.h>

// The meaning of an error reply; one table for all of them. None is an acknowledgement.
enum redis_error {
    REDIS_FINE,      // no error reply
    REDIS_AGAIN,     // temporary: OOM, BUSY, TRYAGAIN, NOREPLICAS, MISCONF, CLUSTERDOWN, ASK (our
                     // slot is on its way to another node): send it again later
    REDIS_ELSEWHERE, // this server cannot do it: READONLY, LOADING, MASTERDOWN, UNBLOCKED, MOVED:
                     // the connection is given up and made anew, commands in flight get NULL
    REDIS_REFUSED,   // NOAUTH, NOPERM, WRONGPASS: an operator must act; said loudly, tried again
    REDIS_NOSCRIPT,  // load the script and send it again
    REDIS_NOGROUP,   // stream or group is gone: make it again
    REDIS_WRONG,     // our own mistake or a foreign key's type: do not repeat
};
enum redis_error redis_error_of(const redisReply *reply); // `reply` is not NULL

// True if another node of a cluster holds our slot. `reply` is not NULL.
bool redis_error_is_moved(const redisReply *reply);

// Everything else that is read of a reply goes through these. Each takes NULL and a reply of any
// type, so that a server that sends something else is never trusted with more than its own bytes.
size_t reply_count(const redisReply *reply); // members of a list; 0 if it is not a list

// A member of a list, of this type (REDIS_REPLY_ARRAY, …; REPLY_ANY); NULL if there is none.
#define REPLY_ANY 0
const redisReply *reply_at(const redisReply *reply, size_t index, int type);

// An integer within these bounds; false, and `out` untouched, if it is anything else.
bool reply_integer(const redisReply *reply, int64_t min, int64_t max, int64_t *out);

// The same of a member of a list; `fallback` if it is anything else.
int64_t reply_integer_at(const redisReply *reply, size_t index, int64_t min, int64_t max,
                         int64_t fallback);

// Is a reply of this shape, all the way down? A shape is one of
//   s  a string or status      i  an integer       n  an integer of 0 or more; both no larger
//   than a script can count (REPLY_NUMBER_MAX)
//   .  anything                ?A  nil, or A
//   (AB…)  a list of exactly these    [A]  a list of any number of A    <A>  of an even number
// Of what has this shape, each member may be read without further checks.
bool reply_has_shape(const redisReply *reply, const char *shape);
#define REPLY_NUMBER_MAX (INT64_C(1) << 53)
#define REPLY_ROW "(s<s>)" // of a stream: id, names and values
#define REPLY_ROWS "[" REPLY_ROW "]"
#define REPLY_FIELDS "<s>" // HGETALL

bool reply_is_error(const redisReply *reply);
bool reply_is_list(const redisReply *reply);
bool reply_is_list_of(const redisReply *reply, size_t count); // of exactly so many members

struct bytes_view reply_view(const redisReply *reply); // of a string or status; else empty
struct bytes_view reply_view_at(const redisReply *reply, size_t index);

// Copies a string or a status as a text; false, and `out` empty, if it is anything else, too long,
// or holds a NUL.
bool reply_copy(const redisReply *reply, char *out, size_t size);

// Of names and values in turn, as XRANGE, HGETALL and XINFO return them.
struct bytes_view reply_field(const redisReply *fields, const char *name);  // empty: there is none
const redisReply *reply_member(const redisReply *fields, const char *name); // NULL: there is none

uint64_t view_number(struct bytes_view digits); // 0 if it is not a number of at most 19 digits

#endif
