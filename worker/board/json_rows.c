// See json_rows.h.
#include "json_rows.h"

#include "mask.h"

#include <string.h>

cJSON *json_rows_take(struct bytes_view *rest, bool is_masked)
{
    const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    if (!end) {
        return NULL;
    }
    size_t len = (size_t)(end - rest->data);
    cJSON *tree = cJSON_ParseWithLength(rest->data, len);
    *rest = (struct bytes_view){end + 1, rest->len - len - 1};
    if (tree && is_masked) {
        mask_tree(tree);
    }
    return tree;
}
