// --env-file: settings out of a file such as `.env`. One NAME=value a line; `export` in front,
// blank lines, `# comments` and quotes around a value are allowed; of two lines for one name the
// last counts. A variable that the environment has already is left as it is. A value that Docker
// Compose or python-dotenv would read otherwise ($NAME, escapes in double quotes) is refused,
// because a secret that is misread is worse than a command that stops.
#ifndef DIALIN_AUDIT_ENV_FILE_H
#define DIALIN_AUDIT_ENV_FILE_H

#include <stdbool.h>

#define ENV_FILE_BYTES_MAX 65536
#define ENV_FILE_LINES_MAX 4096

// Sets the variables of this process. Returns false, after a sentence on standard error that names
// the line and never its value, if the file cannot be read or a line is refused; then no variable
// is set.
bool env_file_load(const char *path);

#endif
