// Reads what Redis replied: its error, its type, the members of a list of names and values.
#ifndef DIALIN_REDIS_REPLY_H
#define DIALIN_REDIS_REPLY_H

#include "bytes.h"

#include <hiredis/hiredis.h> // for redisReply, the one type of it that travels
#include <stdbool.h>
#include <stdint.h>

// What an error reply means; one table for all of them. None is an acknowledgement.
enum redis_error {
    REDIS_FINE,      // no error reply
    REDIS_AGAIN,     // temporary: OOM, BUSY, TRYAGAIN, NOREPLICAS, MISCONF: send it again later
    REDIS_ELSEWHERE, // this server cannot do it: READONLY, LOADING, MASTERDOWN, UNBLOCKED: the
                     // connection is given up and made anew, what is out gets NULL
    REDIS_REFUSED,   // NOAUTH, NOPERM, WRONGPASS: an operator must act; said loudly, tried again
    REDIS_NOSCRIPT,  // load the script and send it again
    REDIS_NOGROUP,   // stream or group is gone: make it again
    REDIS_WRONG,     // our own mistake or a foreign key's type: do not repeat
};
enum redis_error redis_error_of(const redisReply *reply); // `reply` is not NULL

// What XRANGE and XREVRANGE, HGETALL and XINFO answer.
bool reply_is_list(const redisReply *reply);
struct bytes_view reply_field(const redisReply *fields, const char *name);  // empty: there is none
const redisReply *reply_member(const redisReply *fields, const char *name); // NULL: there is none
struct bytes_view reply_view(const redisReply *reply); // of a string; else empty
uint64_t view_number(struct bytes_view digits);        // 0 where it is none

#endif
