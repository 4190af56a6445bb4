// libc knows the rules of time zones but only for the one that TZ names. So TZ is a buffer of ours
// in the environment, rewritten in place while the program's one thread asks. Offsets change at
// full quarters of an hour only, so the answer for each zone is kept until its quarter is over.
#include "time_zone.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUARTER_S 900
#define KEPT_MAX 64 // zones whose offset is kept; more are computed again each time

static char tz[sizeof "TZ=:" + TIME_ZONE_NAME_BYTES_MAX];
static char tz_before[sizeof tz];

struct kept_offset {
    char name[TIME_ZONE_NAME_BYTES_MAX + 1];
    uint64_t quarter;
    int32_t offset_s;
};

static struct kept_offset kept[KEPT_MAX];

void time_zone_init(void)
{
    const char *before = getenv("TZ");
    snprintf(tz, sizeof tz, "TZ=%s", before ? before : ":/etc/localtime");
    memcpy(tz_before, tz, sizeof tz);
    putenv(tz);
    tzset();
}

bool time_zone_exists(const char *name)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_+-/";
    const char *folder = getenv("TZDIR");
    char path[512], magic[4] = "";
    size_t len = strlen(name);
    if (len == 0 || len > TIME_ZONE_NAME_BYTES_MAX || name[strspn(name, LETTERS)] ||
        name[0] == '/' || name[len - 1] == '/') {
        return false;
    }
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool exists = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                  !memcmp(magic, "TZif", sizeof magic);
    if (fd >= 0) {
        close(fd);
    }
    return exists;
}

static int32_t compute_offset_s(const char *name, uint64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm local = {0};
    assert(tz[0]); // time_zone_init() was called
    snprintf(tz, sizeof tz, "TZ=:%.*s", TIME_ZONE_NAME_BYTES_MAX, name);
    tzset();
    localtime_r(&at, &local);
    memcpy(tz, tz_before, sizeof tz);
    tzset();
    return (int32_t)local.tm_gmtoff;
}

int32_t time_zone_offset_s(const char *name, uint64_t at_s)
{
    const uint64_t quarter = at_s / QUARTER_S + 1; // 0 marks a free slot
    struct kept_offset *slot = NULL;
    for (size_t i = 0; i < KEPT_MAX && !slot; i++) {
        slot = !kept[i].quarter || !strcmp(kept[i].name, name) ? &kept[i] : NULL;
    }
    if (!slot) {
        return compute_offset_s(name, at_s);
    }
    if (slot->quarter != quarter) {
        snprintf(slot->name, sizeof slot->name, "%s", name);
        slot->offset_s = compute_offset_s(name, at_s);
        slot->quarter = quarter;
    }
    return slot->offset_s;
}
