// What the caller is asked to do: flags, and from the environment what ingress and worker have
// there too, so that the same .env serves.
#ifndef CALLER_OPTIONS_H
#define CALLER_OPTIONS_H

#include "redis.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_COUNT_MAX 1000000
#define OPTIONS_SENDS_MAX 4000000 // count times repeat
#define OPTIONS_SIP_HEADERS_MAX 16
#define OPTIONS_ROOM_BYTES_MAX 200
#define OPTIONS_EVENT_BYTES_MAX 64

struct options {
    const char *url;
    const char *from; // NULL: another one for each call
    const char *to;
    const char *call_id; // NULL: made up
    const char *room;    // of all events; NULL: another one for every two
    const char *event;   // their type; NULL: a connected and a stopped of each room
    const char *sip_headers[OPTIONS_SIP_HEADERS_MAX]; // "name=value"
    size_t sip_header_count;
    const char *secret_file;
    uint64_t count;
    uint64_t repeat;
    uint64_t connections;
    uint64_t timeout_s;
    double rate; // webhooks a second; 0: as fast as the connections allow
    bool dialout, trunk, events, seconds_timestamp, is_unsigned, wait, json, quiet;

    char *secret; // one in base64; NULL: unsigned
    char *api_key;
    struct redis_address redis;
    char *redis_prefix;
    char *redis_files[3];   // of TLS: CA, certificate, key
    char *number_of_secret; // owned: `to` may point to it
};

enum options_command { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

// OPTIONS_USAGE: what is wrong has been said.
enum options_command options_load(struct options *options, int argc, char **argv);
void options_release(struct options *options);

#endif
