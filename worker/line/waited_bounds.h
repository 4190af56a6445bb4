// How long callers wait from the ring to the start of their bot, in buckets: the bounds in seconds
// of the metric dialin_ring_to_start_seconds and of `waited:<bound>` in the key `counts`. C and Lua
// both make a list of it.
#ifndef DIALIN_WAITED_BOUNDS_H
#define DIALIN_WAITED_BOUNDS_H

#define WAITED_BOUNDS_S 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 75, 90, 105, 120

#endif
