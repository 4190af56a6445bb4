// Variables that are one letter away from a setting: PINLESS_HMAC_SECRETS, STRAT_URL. Each is a
// mistake that would otherwise go unnoticed, since an unknown variable is not an error.
#ifndef DIALIN_CONFIG_TYPOS_H
#define DIALIN_CONFIG_TYPOS_H

#include "config.h"

// Logs a warning for each such variable of the environment.
void config_warn_of_typos(const struct config_option *table);

// One letter more, less, other, or two neighbours exchanged? Pure; names of up to 64 bytes.
bool config_is_typo_of(const char *name, const char *setting);

#endif
