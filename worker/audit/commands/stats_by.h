// stats --by route, --by agent: outcomes and waiting times of the kept calls, for each route or
// agent.
#ifndef DIALIN_STATS_BY_H
#define DIALIN_STATS_BY_H

#include "command.h"

enum exit_code stats_by_run(struct audit *audit);

#endif
