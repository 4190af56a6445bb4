// REDIS_URL, REDIS_CA_FILE, REDIS_CERT, REDIS_KEY and REDIS_PREFIX of every program, checked
// together.
#ifndef DIALIN_REDIS_SETTINGS_H
#define DIALIN_REDIS_SETTINGS_H

#include "config.h"
#include "redis_address.h"

// Borrowed.
struct redis_settings {
    const char *url, *prefix;
    struct redis_tls_files tls_files;
};

// Fills `address`, which borrows the prefix and the paths; adds problems by the variable's
// name. Files are read, for a sentence now and not at the first connection.
void redis_settings_load(const struct redis_settings *settings, struct redis_address *address,
                         struct config_problems *problems);

// The same from the settings of every long-running program.
void redis_settings_load_common(const struct config_common *common, struct redis_address *address,
                                struct config_problems *problems);

#endif
