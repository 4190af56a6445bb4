// How many agents people are shown, and so how many may be paused at once. C and Lua both know it.
#ifndef DIALIN_AGENTS_MAX_H
#define DIALIN_AGENTS_MAX_H

#define SNAPSHOT_AGENTS_MAX 32

#endif
