// How an alert is written for its receiver. One body cannot serve all: Discord wants `content`,
// Google Chat refuses a body with any member but its own, and a workflow of Teams takes a card. So
// the path of the URL tells which it is, on any host. Pure.
#ifndef DIALIN_ALERT_FORMAT_H
#define DIALIN_ALERT_FORMAT_H

#include "bytes.h"

enum alert_format {
    ALERT_FORMAT_TEXT,    // {"text": …}: Slack, Mattermost, Google Chat, Discord's …/slack
    ALERT_FORMAT_DISCORD, // {"content": …}
    ALERT_FORMAT_TEAMS,   // an Adaptive Card
    ALERT_FORMAT_NTFY,    // {"text": …}, and headers by which ntfy takes the message out of it
};

// By a URL that has passed route_check_url.
enum alert_format alert_format_of(const char *url);

// Ended by NULL; never freed.
const char *const *alert_format_headers(enum alert_format format);

// Appends the body. Returns false if it does not fit.
bool alert_format_write(enum alert_format format, struct bytes_view text, struct bytes *body);

#endif
