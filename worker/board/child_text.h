// The complaint of dialin-audit as a sentence for the page.
#ifndef DIALIN_BOARD_CHILD_TEXT_H
#define DIALIN_BOARD_CHILD_TEXT_H

#include "bytes.h"

// Appends its first line, without the program's name, numbers hidden.
void child_text_sentence(struct bytes_view errors, struct bytes *out);

#endif
