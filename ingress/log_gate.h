// Lets one line of the log through in LOG_GATE_MS and counts the others, for what anybody can cause
// as often as they like. The next line says how many there were.
#ifndef DIALIN_LOG_GATE_H
#define DIALIN_LOG_GATE_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_GATE_MS 10000

// Zeroed is right to begin with.
struct log_gate {
    uint64_t opens_ms;
    uint64_t since; // the last line
};

// It happened once more. Returns how often since the last line, this time included, if a line may
// be written now; else 0.
uint64_t log_gate_pass(struct log_gate *gate, uint64_t now_ms);

#endif
