// Daily's side of the sessions: dialin.connected (of a dial-out: dialout.answered) when a session
// begins and dialin.stopped when it is over, each signed and posted to --events-url. What is not
// answered 200 is posted again every CONVERSATIONS_AGAIN_MS, with the same id,
// CONVERSATIONS_TRIES_MAX times at most.
#ifndef AGENT_CONVERSATIONS_H
#define AGENT_CONVERSATIONS_H

#include "bytes.h"
#include "chance.h"
#include "loop.h"
#include "settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONVERSATIONS_EVENTS_MAX 100000 // that wait or are out; further ones are counted as dropped
#define CONVERSATIONS_AGAIN_MS 500
#define CONVERSATIONS_TRIES_MAX 120
#define CONVERSATIONS_ROOM_BYTES 256 // of a room's URL, with its NUL

struct conversations;

// `settings` and `chance` are borrowed. NULL: settings name no --events-url.
struct conversations *conversations_open(struct loop *loop, const struct settings *settings,
                                         struct chance *chance);
void conversations_close(struct conversations *conversations); // NULL is allowed

// A session in this room begins now. It is over at `end_ms` of loop_now_ms(); UINT64_MAX: when
// conversations_end_oldest says so. Nothing if `conversations` is NULL, or the URL names no room.
void conversations_begin(struct conversations *conversations, const char *room_url, bool is_dialout,
                         uint64_t end_ms);

// Ends those that would end first.
void conversations_end_oldest(struct conversations *conversations, size_t count);

// Appends `{"posted":…}`: how many were posted, acknowledged, given up, dropped, and are left.
bool conversations_print(const struct conversations *conversations, struct bytes *out);

#endif
