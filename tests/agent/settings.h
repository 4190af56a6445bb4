// How the agent behaves. One table fills it from the command line (--session-ms 500), changes it
// over HTTP ({"session_ms":500}), prints it, and prints --help. Plain memory, so that a change can
// be tried on a copy.
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include "bytes.h"

#include "json.h"
#include <stdbool.h>
#include <stdint.h>

struct settings {
    char listen_addr[64];
    uint64_t port;
    char tls_cert[512], tls_key[512];
    uint64_t connections;
    uint64_t seed;
    uint64_t pool;
    uint64_t session_ms;
    uint64_t warm;
    uint64_t cold_start_ms;
    uint64_t latency_ms;
    uint64_t latency_jitter_ms;
    double error_rate;
    uint64_t error_status;
    char capacity_code[64];
    char retry_after[64];
    char key[512];
    char agents[2048];
    char events_url[512], events_secret[512];
    uint64_t keep;
};

enum settings_command { SETTINGS_RUN, SETTINGS_DONE, SETTINGS_USAGE };

// Defaults, then the command line. SETTINGS_DONE: --help or --version, printed already.
// SETTINGS_USAGE: what is wrong has been said.
enum settings_command settings_from_flags(struct settings *settings, int argc, char **argv);

bool settings_have(const char *name);

// NULL, or a sentence that says why the value is refused; `settings` is then unchanged.
const char *settings_change(struct settings *settings, const char *name, const cJSON *value);

// Appends a JSON object; of the key only whether there is one.
bool settings_print(const struct settings *settings, struct bytes *out);

// Is `agent` among those that --agents names? All are when it names none.
bool settings_know_agent(const struct settings *settings, struct bytes_view agent);

#endif
