// The entry of the stream <prefix>:webhooks: the only schema that ingress and worker share. Pure.
#ifndef DIALIN_WEBHOOK_ENTRY_H
#define DIALIN_WEBHOOK_ENTRY_H

#include "bytes.h"
#include "entry_id.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

// By kind: programs that do not know trunks put their entries aside.
#define WEBHOOK_ENTRY_VERSION "1"
#define WEBHOOK_ENTRY_VERSION_TRUNK "2"
#define WEBHOOK_ENTRY_FIELDS 24         // twelve names, each with its value
#define WEBHOOK_CALL_ID_BYTES_MAX 128   // of Daily's, or an Idempotency-Key
#define WEBHOOK_RECORD_ID_BYTES_MAX 136 // followed by `~r` and the number of a replay

// A trunk is a call over one of Daily's SIP trunks (trunk_webhook.h).
enum webhook_kind { WEBHOOK_DIALIN, WEBHOOK_DIALOUT, WEBHOOK_TRUNK };
const char *webhook_kind_name(enum webhook_kind kind);
bool webhook_kind_of(struct bytes_view name, enum webhook_kind *kind); // false: unknown

struct webhook_entry {
    struct bytes_view version; // when written, that of the kind is meant
    enum webhook_kind kind;
    struct bytes_view call_id;
    uint64_t received_ms;        // Redis' time
    struct bytes_view timestamp; // as received; empty if none
    struct bytes_view signature;
    struct bytes_view peer;
    struct bytes_view body;      // the exact bytes
    struct bytes_view sha256;    // of the body, hex
    struct bytes_view replay_of; // the entry that this one repeats; empty: none
    // The number or SIP address that the secret of the signature is tied to; empty: none.
    struct bytes_view signed_for;
    struct bytes_view flaw; // repairs that webhook_repair made to the body; empty: none

    // Of a call back, which finish.lua adds; never written here.
    struct bytes_view callback_of; // the call that died; empty: it is none
    struct bytes_view route;       // of that call, by its name
    uint64_t hold_ms;              // how long it may take
};

// Names and values in turn, as XADD takes them, and memory for the texts they point to.
struct webhook_entry_fields {
    struct bytes_view views[WEBHOOK_ENTRY_FIELDS];
    size_t count;
    char received_ms[24];
};

// Fills `fields`, which point into `entry` and into themselves.
void webhook_entry_to_fields(const struct webhook_entry *entry,
                             struct webhook_entry_fields *fields);

// Reads the field list of an entry (the second element of an XRANGE row); `entry` points into it.
// Fields may come in any order, unknown ones are skipped. NULL when it is good, else a sentence.
const char *webhook_entry_from_reply(struct webhook_entry *entry, const redisReply *fields);

// Is an entry that webhook_entry_from_reply has refused of a version that this program does not
// know?
bool webhook_entry_is_newer(const struct webhook_entry *entry);

// Returns whether the body matches its sha256.
bool webhook_entry_is_whole(const struct webhook_entry *entry);

// 1 to `bytes_max` bytes of printable ASCII, with no space at either end.
bool webhook_call_id_is_valid(struct bytes_view call_id, size_t bytes_max);

#endif
