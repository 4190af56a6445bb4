// Can an agent be reached: its name, a connection, its certificate? No request is sent, so that no
// bot starts; its key is therefore not asked about.
#ifndef DIALIN_AGENT_PROBE_H
#define DIALIN_AGENT_PROBE_H

#include "findings.h"
#include "routing.h"

#define AGENT_PROBE_MS 5000 // for all agents together

// Adds a finding for each agent of `routing`, and one if `ca_file` cannot be used: START_CA_FILE;
// NULL: the system's.
void agent_probe(const struct routing *routing, const char *ca_file, struct findings *findings);

// The same of ALERT_URL, of which no finding shows more than the host.
void agent_probe_alerts(const char *url, const char *ca_file, struct findings *findings);

#endif
