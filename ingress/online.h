// --check-config --online of the ingress: can Redis take webhooks from this user?
#ifndef DIALIN_INGRESS_ONLINE_H
#define DIALIN_INGRESS_ONLINE_H

#include "findings.h"

// For struct process: `settings` is a loaded struct settings.
void online_check(const void *settings, struct findings *findings);

#endif
