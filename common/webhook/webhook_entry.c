// See webhook_entry.h. Field names stand once, in FIELDS, for writing and for reading.
#include "webhook_entry.h"

#include "signature.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVED_DIGITS_MAX 15
#define ALWAYS_WRITTEN 9 // the first fields; the others only if they are not empty

const char *webhook_kind_name(enum webhook_kind kind)
{
    switch (kind) {
    case WEBHOOK_DIALIN:
        return "dialin";
    case WEBHOOK_DIALOUT:
        return "dialout";
    case WEBHOOK_TRUNK:
        return "trunk";
    }
    return "";
}

bool webhook_kind_of(struct bytes_view name, enum webhook_kind *kind)
{
    static const enum webhook_kind KINDS[] = {WEBHOOK_DIALIN, WEBHOOK_DIALOUT, WEBHOOK_TRUNK};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (view_equal_text(name, webhook_kind_name(KINDS[i]))) {
            *kind = KINDS[i];
            return true;
        }
    }
    return false;
}

static const char *version_of(enum webhook_kind kind)
{
    return kind == WEBHOOK_TRUNK ? WEBHOOK_ENTRY_VERSION_TRUNK : WEBHOOK_ENTRY_VERSION;
}

void webhook_entry_to_fields(const struct webhook_entry *entry, struct webhook_entry_fields *fields)
{
    snprintf(fields->received_ms, sizeof fields->received_ms, "%llu",
             (unsigned long long)entry->received_ms);
    const struct {
        struct bytes_view name, value;
    } pairs[] = {
        {VIEW("v"), view_of_text(version_of(entry->kind))},
        {VIEW("kind"), view_of_text(webhook_kind_name(entry->kind))},
        {VIEW("call_id"), entry->call_id},
        {VIEW("received_ms"), view_of_text(fields->received_ms)},
        {VIEW("timestamp"), entry->timestamp},
        {VIEW("signature"), entry->signature},
        {VIEW("peer"), entry->peer},
        {VIEW("body"), entry->body},
        {VIEW("sha256"), entry->sha256},
        {VIEW("replay_of"), entry->replay_of},
        {VIEW("signed_for"), entry->signed_for},
        {VIEW("flaw"), entry->flaw},
    };
    fields->count = 0;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (i >= ALWAYS_WRITTEN && pairs[i].value.len == 0) {
            continue;
        }
        fields->views[fields->count++] = pairs[i].name;
        fields->views[fields->count++] = pairs[i].value;
    }
    assert(fields->count <= WEBHOOK_ENTRY_FIELDS);
}

static struct bytes_view field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i];
        if (view_equal_text((struct bytes_view){key->str, key->len}, name)) {
            return (struct bytes_view){fields->element[i + 1]->str, fields->element[i + 1]->len};
        }
    }
    return (struct bytes_view){NULL, 0};
}

static bool is_field_list(const redisReply *fields)
{
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < fields->elements; i++) {
        if (fields->element[i]->type != REDIS_REPLY_STRING) {
            return false;
        }
    }
    return true;
}

static bool read_number(struct bytes_view text, uint64_t *number)
{
    char digits[RECEIVED_DIGITS_MAX + 1];
    if (text.len == 0 || text.len > RECEIVED_DIGITS_MAX) {
        return false;
    }
    memcpy(digits, text.data, text.len);
    digits[text.len] = '\0';
    *number = strtoull(digits, NULL, 10);
    return strspn(digits, "0123456789") == text.len;
}

static void read_callback(struct webhook_entry *entry, const redisReply *fields)
{
    entry->callback_of = field(fields, "callback_of");
    entry->route = field(fields, "route");
    if (!read_number(field(fields, "hold_ms"), &entry->hold_ms)) {
        entry->hold_ms = 0;
    }
}

const char *webhook_entry_from_reply(struct webhook_entry *entry, const redisReply *fields)
{
    memset(entry, 0, sizeof *entry);
    if (!is_field_list(fields)) {
        return "its fields are not pairs of strings";
    }
    entry->version = field(fields, "v");
    entry->call_id = field(fields, "call_id");
    entry->timestamp = field(fields, "timestamp");
    entry->signature = field(fields, "signature");
    entry->peer = field(fields, "peer");
    entry->body = field(fields, "body");
    entry->sha256 = field(fields, "sha256");
    entry->replay_of = field(fields, "replay_of");
    entry->signed_for = field(fields, "signed_for");
    entry->flaw = field(fields, "flaw");
    read_callback(entry, fields);
    struct bytes_view kind = field(fields, "kind");
    bool has_time = read_number(field(fields, "received_ms"), &entry->received_ms);
    entry->received_ms = has_time ? entry->received_ms : 0;
    bool has_kind = webhook_kind_of(kind, &entry->kind);
    if (entry->version.len == 0) {
        return "its field 'v' is missing";
    }
    if (webhook_entry_is_newer(entry)) {
        return "its version is unknown to this program";
    }
    if (!has_kind) {
        return "its field 'kind' is neither dialin nor dialout nor trunk";
    }
    if (!view_equal_text(entry->version, version_of(entry->kind))) {
        return "its version is not that of its kind";
    }
    if (!has_time) {
        return "its field 'received_ms' is missing or no number";
    }
    if (entry->call_id.len == 0 || entry->body.len == 0 || entry->sha256.len == 0) {
        return "one of its fields 'call_id', 'body' and 'sha256' is missing";
    }
    return NULL;
}

bool webhook_entry_is_newer(const struct webhook_entry *entry)
{
    return entry->version.len > 0 && !view_equal_text(entry->version, WEBHOOK_ENTRY_VERSION) &&
           !view_equal_text(entry->version, WEBHOOK_ENTRY_VERSION_TRUNK);
}

bool webhook_entry_is_whole(const struct webhook_entry *entry)
{
    char sha256[SIGNATURE_SHA256_HEX];
    signature_sha256(entry->body, sha256);
    return view_equal_text(entry->sha256, sha256);
}

bool webhook_call_id_is_valid(struct bytes_view call_id, size_t bytes_max)
{
    if (call_id.len == 0 || call_id.len > bytes_max || call_id.data[0] == ' ' ||
        call_id.data[call_id.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < call_id.len; i++) {
        if (call_id.data[i] < ' ' || call_id.data[i] > '~') {
            return false;
        }
    }
    return true;
}
