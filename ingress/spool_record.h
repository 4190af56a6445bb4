// One record of a spool file: a webhook's entry, with its length and checksum. Pure.
//
//   "dialinS1"  8 bytes
//   length      8 hex digits: bytes of the payload
//   sha256      64 hex digits: of the payload
//   payload     for each name and value in turn: 8 hex digits, its length, and its bytes
#ifndef DIALIN_SPOOL_RECORD_H
#define DIALIN_SPOOL_RECORD_H

#include "bytes.h"

#define SPOOL_RECORD_HEAD_BYTES 80
#define SPOOL_RECORD_BYTES_MAX (4 * 1024 * 1024)
#define SPOOL_RECORD_FIELDS_MAX 40 // names and values

// How long the record of these fields is.
size_t spool_record_bytes(size_t count, const struct bytes_view *fields);

// Appends a record to `out`. Returns false if it would be too long.
bool spool_record_write(struct bytes *out, size_t count, const struct bytes_view *fields);

enum spool_record_verdict {
    SPOOL_RECORD_WHOLE,
    SPOOL_RECORD_CUT,     // `data` ends before the record does, if it is one
    SPOOL_RECORD_DAMAGED, // not a record, or not as it was written
};
struct spool_record {
    size_t len; // of the whole record; 0 unless it is whole
    size_t count;
    struct bytes_view fields[SPOOL_RECORD_FIELDS_MAX]; // into `data`
};
enum spool_record_verdict spool_record_read(struct bytes_view data, struct spool_record *record);

// Bytes from the start of `data` to the next place, after its first byte, at which a record may
// begin; data.len if there is none.
size_t spool_record_next(struct bytes_view data);

#endif
