// --env-file: settings out of a file such as `.env`. One NAME=value a line; `export` in front,
// blank lines, `# comments` and quotes around a value are allowed. A variable that the environment
// has already is left as it is.
#ifndef DIALIN_AUDIT_ENV_FILE_H
#define DIALIN_AUDIT_ENV_FILE_H

#include <stdbool.h>

#define ENV_FILE_BYTES_MAX 65536

// Sets the variables of this process. Returns false, after a sentence on standard error that names
// the line and never its value, if the file cannot be read or has a line that is not an assignment;
// then some of the variables may be set.
bool env_file_load(const char *path);

#endif
