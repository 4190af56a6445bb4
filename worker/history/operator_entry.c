// See operator_entry.h.
#include "operator_entry.h"

#include "redis_keys.h"

#include <assert.h>

size_t operator_entry_command(struct bytes_view key, size_t count, const struct bytes_view *fields,
                              struct bytes_view argv[OPERATOR_ENTRY_COMMAND_MAX])
{
    const struct bytes_view head[] = {
        VIEW("XADD"), key, VIEW("MAXLEN"), VIEW("~"), VIEW(REDIS_OPERATORS_MAX), VIEW("*")};
    const size_t head_count = sizeof head / sizeof head[0];
    assert(count <= OPERATOR_ENTRY_FIELDS_MAX);
    for (size_t i = 0; i < head_count + count; i++) {
        argv[i] = i < head_count ? head[i] : fields[i - head_count];
    }
    return head_count + count;
}
