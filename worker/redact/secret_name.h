// Names that stand before a secret. Pure; for redact.c.
#ifndef DIALIN_SECRET_NAME_H
#define DIALIN_SECRET_NAME_H

#include "bytes.h"

// Does this name stand before a secret? Escapes of JSON are resolved.
bool secret_is_name(struct bytes_view name);

// Does this name, which stands before a secret, name a header whose value may be of several words?
bool secret_is_header_name(struct bytes_view name);

// Of pairs {"name":…,"value":…}: may this member hold the name?
bool secret_is_pair_name(struct bytes_view name);

#endif
