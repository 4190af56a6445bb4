// Redis Cluster's hash slots. Pure.
#ifndef DIALIN_REDIS_SLOT_H
#define DIALIN_REDIS_SLOT_H

#include "bytes.h"

#define REDIS_SLOTS 16384

// The slot of a key: of the text in its first pair of braces, if that is not empty.
unsigned redis_slot_of(struct bytes_view key);

#endif
