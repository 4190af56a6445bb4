// See log_gate.h.
#include "log_gate.h"

uint64_t log_gate_pass(struct log_gate *gate, uint64_t now_ms)
{
    uint64_t since = ++gate->since;
    if (now_ms < gate->opens_ms) {
        return 0;
    }
    *gate = (struct log_gate){.opens_ms = now_ms + LOG_GATE_MS};
    return since;
}
