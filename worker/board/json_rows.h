// Lines of JSON, one after the other.
#ifndef DIALIN_BOARD_JSON_ROWS_H
#define DIALIN_BOARD_JSON_ROWS_H

#include "json.h"

#include <stdbool.h>

// Takes the next line off `rest`; `is_masked`: with its numbers hidden. Returns NULL at the end, or
// if the line is not JSON. The caller deletes the tree.
cJSON *json_rows_take(struct bytes_view *rest, bool is_masked);

#endif
