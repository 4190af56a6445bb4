// See interrupt.h.
#include "interrupt.h"

#include "loop.h"

#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US_MAX 200000 // a signal just before a pause is heard after it

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    (void)number;
    came = 1;
}

void interrupt_watch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; // or stdio would lose what it was writing to a slow reader
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (isatty(STDOUT_FILENO)) { // a closed terminal has no reader
        sigaction(SIGHUP, &action, NULL);
    }
}

bool interrupt_came(void)
{
    return came;
}

bool interrupt_take(void)
{
    bool has_come = came;
    came = 0;
    return has_come;
}

bool interrupt_sleep_until(uint64_t at_us)
{
    for (uint64_t now_us = loop_now_us(); now_us < at_us && !came; now_us = loop_now_us()) {
        uint64_t left_us = at_us - now_us < PAUSE_US_MAX ? at_us - now_us : PAUSE_US_MAX;
        const struct timespec pause = {.tv_nsec = (long)left_us * 1000};
        nanosleep(&pause, NULL);
    }
    return !came;
}
