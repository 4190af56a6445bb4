// Any bytes as a genuine webhook, through the one function that repairs: what comes out is strict
// JSON in which every part that the transformation reads has its type, the same bytes give the same
// call, and a repaired webhook needs no second repair.
#include "json.h"
#include "phone_number.h"
#include "webhook_entry.h"
#include "webhook_repair.h"

#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define PRINTED_BYTES_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_party(const cJSON *tree, const char *name)
{
    const char *text = json_text(tree, name);
    struct phone_number number;
    struct phone_pattern pattern;
    assert(text && strlen(text) <= WEBHOOK_PARTY_BYTES_MAX);
    bool is_one = phone_number_read(&number, view_of_text(text));
    assert(!is_one || number.digits[0] || number.is_address);
    assert(!text[0] || phone_number_equal(&number, &number) || !number.address[0]);
    phone_pattern_read(&pattern, view_of_text(text));
    (void)phone_pattern_matches(&pattern, view_of_text(text));
}

static void check_call(const struct webhook_repaired *repaired)
{
    const cJSON *tree = repaired->document.tree, *header = NULL;
    const cJSON *headers = cJSON_GetObjectItemCaseSensitive(tree, "sipHeaders");
    assert(repaired->is_dialin || repaired->has_dialout);
    if (repaired->is_dialin) {
        check_party(tree, "From");
        check_party(tree, "To");
        assert(json_text(tree, "From")[0] && json_text(tree, "callDomain")[0]);
        assert(webhook_call_id_is_valid(view_of_text(json_text(tree, "callId")),
                                        WEBHOOK_CALL_ID_BYTES_MAX));
    }
    cJSON_ArrayForEach(header, headers)
    {
        assert(cJSON_IsString(header));
    }
}

static void check_text(const struct webhook_repaired *repaired, struct bytes_view signed_for)
{
    struct webhook_repaired again;
    assert(repaired->flaw[0] || !json_text(repaired->document.tree, "To") ||
           strlen(json_text(repaired->document.tree, "To")) > 0 || !repaired->is_dialin);
    assert(webhook_repair(&again, bytes_view(&repaired->text), signed_for));
    // As text: cJSON_Compare finds an object with a repeated key unlike itself.
    struct bytes first, second;
    bytes_init(&first, PRINTED_BYTES_MAX);
    bytes_init(&second, PRINTED_BYTES_MAX);
    assert(json_print(repaired->document.tree, &first));
    assert(json_print(again.document.tree, &second));
    assert(view_equal(bytes_view(&first), bytes_view(&second)));
    bytes_release(&first);
    bytes_release(&second);
    webhook_repair_release(&again);
}

static void check(struct bytes_view body, struct bytes_view signed_for)
{
    struct webhook_repaired repaired, again;
    bool is_usable = webhook_repair(&repaired, body, signed_for);
    if (is_usable) {
        check_call(&repaired);
        assert(!repaired.code);
        if (repaired.text.len > 0) {
            check_text(&repaired, signed_for);
        }
    } else {
        assert(repaired.code && repaired.sentence[0]);
    }
    for (const char *at = repaired.sentence; *at; at++) {
        assert(isprint((unsigned char)*at));
    }
    assert(webhook_repair(&again, body, signed_for) == is_usable);
    assert(view_equal(bytes_view(&again.text), bytes_view(&repaired.text)));
    assert(!strcmp(again.flaw, repaired.flaw));
    webhook_repair_release(&again);
    webhook_repair_release(&repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes_view body = {(const char *)data, size};
    struct phone_number number;
    check(body, VIEW(""));
    check(body, VIEW("+14152251493"));
    phone_number_read(&number, VIEW("+14152251493"));
    (void)phone_number_occurs(&number, body);
    phone_number_read(&number, body);
    return 0;
}
