// See recorded_call.h.
#include "recorded_call.h"

#include "redis_reply.h"
#include "json.h"
#include "trunk_webhook.h"

#include <stdio.h>
#include <string.h>

static const char *const NAMES[] = {
#define RECORDED_STATE_TEXT(name, text) [RECORDED_##name] = text,
    RECORDED_STATES(RECORDED_STATE_TEXT)
#undef RECORDED_STATE_TEXT
};

const char *recorded_state_name(enum recorded_state state)
{
    return NAMES[state];
}

bool recorded_state_of(const char *name, enum recorded_state *state)
{
    for (unsigned i = 0; i < RECORDED_STATE_COUNT; i++) {
        if (!strcmp(NAMES[i], name)) {
            *state = (enum recorded_state)i;
            return true;
        }
    }
    return false;
}

// As worker/call.c names it.
void recorded_call_name(const redisReply *row, char name[RECORDED_CALL_NAME_BYTES])
{
    const struct bytes_view call_id = reply_field(row->element[1], "call_id");
    if (webhook_call_id_is_valid(call_id, WEBHOOK_RECORD_ID_BYTES_MAX)) {
        view_copy(call_id, name, RECORDED_CALL_NAME_BYTES);
    } else {
        snprintf(name, RECORDED_CALL_NAME_BYTES, "entry-%.48s", row->element[0]->str);
    }
}

static const char *text_of(const redisReply *hash, const char *name)
{
    const redisReply *value = reply_member(hash, name);
    return value && value->type == REDIS_REPLY_STRING ? value->str : "";
}

static enum recorded_state state_of(const struct recorded_call *call, bool is_unfinished)
{
    char duplicate[ENTRY_ID_BYTES + 16];
    enum recorded_state state = is_unfinished ? RECORDED_QUEUED : RECORDED_UNKNOWN;
    snprintf(duplicate, sizeof duplicate, "duplicate:%s", call->entry);
    if (!strcmp(text_of(call->hash, "entry"), call->entry)) {
        recorded_state_of(text_of(call->hash, "state"), &state);
    } else if (reply_member(call->hash, duplicate)) {
        state = RECORDED_DUPLICATE;
    }
    return state;
}

static void set_party(char party[WEBHOOK_PARTY_BYTES_MAX + 1], const char *text)
{
    view_copy(view_of_text(text), party, WEBHOOK_PARTY_BYTES_MAX + 1);
}

// The ingress has recorded its repairs. The numbers of a call that has no hash yet are
// those that the bot will hear.
static void read_webhook(struct recorded_call *call, bool has_hash)
{
    struct webhook_repaired webhook;
    if (has_hash) {
        set_party(call->from, text_of(call->hash, "from"));
        set_party(call->to, text_of(call->hash, "to"));
    }
    view_copy(call->webhook.flaw, call->repairs, sizeof call->repairs);
    if (call->flaw || has_hash) {
        return;
    }
    webhook_repair_entry(&webhook, &call->webhook);
    set_party(call->from, json_text(webhook.document.tree, "From"));
    set_party(call->to, json_text(webhook.document.tree, "To"));
    memcpy(call->repairs, webhook.flaw, sizeof call->repairs);
    webhook_repair_release(&webhook);
}

void recorded_call_read(struct recorded_call *call, const redisReply *row, const redisReply *hash,
                        bool is_unfinished)
{
    memset(call, 0, sizeof *call);
    snprintf(call->entry, sizeof call->entry, "%s", row->element[0]->str);
    call->id = entry_id_of(call->entry);
    recorded_call_name(row, call->call_id);
    call->flaw = webhook_entry_from_reply(&call->webhook, row->element[1]);
    call->hash = hash && hash->elements > 0 ? hash : NULL;
    call->state = state_of(call, is_unfinished);
    bool is_own = call->state != RECORDED_QUEUED && call->state != RECORDED_DUPLICATE &&
                  call->state != RECORDED_UNKNOWN;
    const redisReply *own = is_own ? call->hash : NULL;
    read_webhook(call, is_own);
    call->reason = text_of(own, "reason");
    call->agent = text_of(own, "agent");
    call->route = text_of(own, "route");
    call->started_ms = view_number(reply_field(own, "started_ms"));
    call->updated_ms = view_number(reply_field(own, "updated_ms"));
    call->received_ms = call->webhook.received_ms ? call->webhook.received_ms : call->id.ms;
}

static void dial_one(const cJSON *settings, recorded_on_number *on_number, void *arg)
{
    static const char *const SPELLINGS[] = {"phone_number", "phoneNumber", "sip_uri", "sipUri"};
    for (size_t i = 0; i < sizeof SPELLINGS / sizeof SPELLINGS[0]; i++) {
        const char *number = json_text(settings, SPELLINGS[i]);
        if (number && number[0]) {
            on_number(number, arg);
            return;
        }
    }
}

void recorded_call_dials(const struct recorded_call *call, recorded_on_number *on_number, void *arg)
{
    struct json_document document;
    if (call->webhook.kind != WEBHOOK_DIALOUT || json_parse(&document, call->webhook.body)) {
        return;
    }
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(document.tree, "dialout_settings");
    if (cJSON_IsArray(settings)) {
        for (const cJSON *one = settings->child; one; one = one->next) {
            dial_one(one, on_number, arg);
        }
    } else {
        dial_one(settings, on_number, arg);
    }
    json_release(&document);
}

struct dialled {
    unsigned count;
    char first[WEBHOOK_PARTY_BYTES_MAX + 1];
};

static void on_dialled(const char *number, void *arg)
{
    struct dialled *dialled = arg;
    if (dialled->count++ == 0) {
        set_party(dialled->first, number);
    }
}

void recorded_call_party(const struct recorded_call *call, char *out, size_t size)
{
    struct dialled dialled = {0};
    recorded_call_dials(call, on_dialled, &dialled);
    if (call->webhook.callback_of.len > 0) {
        snprintf(out, size, "back %s", call->from);
    } else if (dialled.count > 1) {
        snprintf(out, size, "to %u numbers", dialled.count);
    } else {
        snprintf(out, size, "%s%s", dialled.count ? "to " : "",
                 dialled.count ? dialled.first : call->from);
    }
}

uint64_t recorded_call_waited_ms(const struct recorded_call *call, uint64_t now_ms)
{
    bool is_over = call->state == RECORDED_DEAD || call->state == RECORDED_DUPLICATE ||
                   call->state == RECORDED_UNKNOWN;
    uint64_t end_ms = call->state == RECORDED_STARTED ? call->started_ms
                      : is_over                       ? call->updated_ms
                                                      : now_ms;
    return end_ms > call->received_ms ? end_ms - call->received_ms : 0;
}
