// The Lua scripts that the worker runs, as texts that are built into the program (scripts.mk).
#ifndef DIALIN_SCRIPT_TEXT_H
#define DIALIN_SCRIPT_TEXT_H

#include "bytes.h"

// name in C, name of the script
#define SCRIPT_TABLE(X)                                                                            \
    X(BEGIN, begin)                                                                                \
    X(FINISH, finish)                                                                              \
    X(ADMIT, admit)                                                                                \
    X(OVERDUE, overdue)                                                                            \
    X(MOVE, move)                                                                                  \
    X(OUTLOOK, outlook)                                                                            \
    X(DUE, due)                                                                                    \
    X(LINES, lines)                                                                                \
    X(RENEW, renew)                                                                                \
    X(TAKE_OVER, take_over)                                                                        \
    X(MAKE_GROUP, make_group)                                                                      \
    X(RESUME, resume)                                                                              \
    X(RELEASE, release)                                                                            \
    X(LEAVE, leave)                                                                                \
    X(TRIM, trim)                                                                                  \
    X(UNKNOWN, unknown)                                                                            \
    X(ACCOUNT, account)                                                                            \
    X(SNAPSHOT, snapshot)                                                                          \
    X(DEPTH, depth)                                                                                \
    X(NEWEST, newest)                                                                              \
    X(SAMPLE, sample)                                                                              \
    X(TAKE_EVENTS, take_events)                                                                    \
    X(JOIN, join)                                                                                  \
    X(JUDGE, judge)

#define SCRIPT_NAME(upper, lower) SCRIPT_##upper,
enum script_name { SCRIPT_TABLE(SCRIPT_NAME) SCRIPT_COUNT };
#undef SCRIPT_NAME

struct bytes_view script_text(enum script_name name);

#endif
