// See config_typos.h.
#include "config_typos.h"

#include "log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES_MIN 6 // shorter names are near to each other by chance
#define NAME_BYTES_MAX 64

bool config_is_typo_of(const char *name, const char *setting)
{
    size_t name_len = strlen(name), setting_len = strlen(setting), same = 0;
    if (name_len > setting_len) {
        return name_len == setting_len + 1 && config_is_typo_of(setting, name);
    }
    if (setting_len > name_len + 1) {
        return false;
    }
    while (same < name_len && name[same] == setting[same]) {
        same++;
    }
    if (name_len < setting_len) {
        return !strcmp(name + same, setting + same + 1);
    }
    if (same == name_len) {
        return false; // they are equal
    }
    bool is_exchanged = same + 1 < name_len && name[same] == setting[same + 1] &&
                        name[same + 1] == setting[same] &&
                        !strcmp(name + same + 2, setting + same + 2);
    return is_exchanged || !strcmp(name + same + 1, setting + same + 1);
}

// Returns whether `name` is a setting. `near` gets the setting that it is a typo of, or "".
static bool is_setting(const struct config_option *table, const char *name,
                       char near[NAME_BYTES_MAX])
{
    near[0] = '\0';
    for (const struct config_option *option = table; option->name; option++) {
        for (int is_file = 0; is_file < 2; is_file++) {
            char setting[NAME_BYTES_MAX];
            snprintf(setting, sizeof setting, "%s%s", option->name, is_file ? "_FILE" : "");
            if (!strcmp(name, setting)) {
                return true;
            }
            if (config_is_typo_of(name, setting)) {
                memcpy(near, setting, sizeof setting);
            }
        }
    }
    return false;
}

void config_warn_of_typos(const struct config_option *table)
{
    for (char **variable = environ; *variable; variable++) {
        char name[NAME_BYTES_MAX], near[NAME_BYTES_MAX];
        size_t len = strcspn(*variable, "=");
        if (len < NAME_BYTES_MIN || len >= sizeof name) {
            continue;
        }
        memcpy(name, *variable, len);
        name[len] = '\0';
        if (!is_setting(table, name, near) && near[0]) {
            log_warning("this variable is not a setting; is it a misspelling?",
                        log_text("variable", name), log_text("setting", near));
        }
    }
}
