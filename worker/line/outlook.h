// Which waiting calls move on because of the forecast: those that would be lost in their line.
// Redis says how the lines stand (outlook.lua), forecast.h judges, and Redis makes the calls due
// (due.lua). After that they move as all others that are due (overdue.lua).
#ifndef DIALIN_OUTLOOK_H
#define DIALIN_OUTLOOK_H

#include "script.h"

#define OUTLOOK_LOOK_MS 1000
#define OUTLOOK_DUE_MAX 100    // calls made due in one look
#define OUTLOOK_PAGE 64        // calls that one run of the script reads: it is to be short
#define OUTLOOK_PAGES_MAX 1000 // in one look

struct outlook;

// Calls are due.
typedef void outlook_on_due(void *arg);

// `scripts` is borrowed.
struct outlook *outlook_open(struct scripts *scripts, outlook_on_due *on_due, void *arg);

// Looks at the lines, unless it has looked in the last OUTLOOK_LOOK_MS.
void outlook_look(struct outlook *outlook);

void outlook_close(struct outlook *outlook); // after the connection: no callback comes any more

#endif
