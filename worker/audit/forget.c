#include "command.h"

#include <stdio.h>

enum exit_code forget_run(struct audit *audit)
{
    fprintf(stderr, "dialin-audit: %s is not in this version\n", audit->options->command);
    return EXIT_NOT_DONE;
}
