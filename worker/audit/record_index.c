// See record_index.h. A minute's members are first asked for by their names, and only the minutes
// that can still hold a call are searched, a few hundred members in a command: a busy minute may
// have tens of thousands.
#include "record_index.h"

#include "interrupt.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_BYTES 24

struct minute {
    uint64_t number;
    struct facets_found found;
    char cursor[NUMBER_BYTES]; // of a search; empty: it has ended
};

static struct bytes_view key_of(struct database *database, const struct minute *minute)
{
    char number[NUMBER_BYTES];
    snprintf(number, sizeof number, "%" PRIu64, minute->number);
    return database_key(database, REDIS_KEY_INDEX, number);
}

static bool look_for_members(struct database *database, const struct facets *facets,
                             struct minute *minutes, size_t count)
{
    struct bytes_view argv[2 + FACETS_MAX] = {VIEW("SMISMEMBER")};
    for (size_t i = 0; i < facets->count; i++) {
        argv[2 + i] = view_of_text(facets->text[i]);
    }
    for (size_t i = 0; facets->count > 0 && i < count; i++) {
        argv[1] = key_of(database, &minutes[i]);
        database_send(database, 2 + facets->count, argv);
    }
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = facets->count > 0 ? database_receive(database) : NULL;
        facets_look(facets, reply, &minutes[i].found);
        freeReplyObject(reply);
    }
    return !database_is_lost(database);
}

static void send_search(struct database *database, const struct facet_search *search,
                        const struct minute *minute)
{
    const struct bytes_view argv[] = {VIEW("SSCAN"),
                                      key_of(database, minute),
                                      view_of_text(minute->cursor),
                                      VIEW("MATCH"),
                                      view_of_text(facets_pattern(search, &minute->found)),
                                      VIEW("COUNT"),
                                      VIEW(RECORD_INDEX_SCAN)};
    database_send(database, sizeof argv / sizeof argv[0], argv);
}

static void receive_search(struct database *database, const struct facet_search *search,
                           struct minute *minute)
{
    redisReply *reply = database_receive_shaped(database, FACETS_SCAN);
    bool is_found = reply && facets_take_scan(search, reply, &minute->found);
    bool is_at_end = !reply || is_found || view_equal_text(reply_view_at(reply, 0), "0");
    view_copy(is_at_end ? VIEW("") : reply_view_at(reply, 0), minute->cursor,
              sizeof minute->cursor);
    freeReplyObject(reply);
}

// All minutes in turns: in each turn one command for each that is not searched through yet.
static bool search_members(struct database *database, const struct facets *facets,
                           const struct facet_search *search, struct minute *minutes, size_t count)
{
    bool is_searching = true;
    for (size_t i = 0; i < count; i++) {
        bool is_meant = facets_pattern(search, &minutes[i].found) &&
                        facets_can_be_met(facets, &minutes[i].found);
        view_copy(is_meant ? VIEW("0") : VIEW(""), minutes[i].cursor, sizeof minutes[i].cursor);
    }
    while (is_searching && !database_is_lost(database) && !interrupt_came()) {
        for (size_t i = 0; i < count; i++) {
            if (minutes[i].cursor[0]) {
                send_search(database, search, &minutes[i]);
            }
        }
        is_searching = false;
        for (size_t i = 0; i < count; i++) {
            if (minutes[i].cursor[0]) {
                receive_search(database, search, &minutes[i]);
                is_searching = is_searching || minutes[i].cursor[0];
            }
        }
    }
    return !is_searching && !database_is_lost(database);
}

bool record_index_look(struct database *database, const struct facets *facets,
                       const uint64_t *numbers, size_t count, bool *has)
{
    struct minute minutes[RECORD_INDEX_MAX];
    for (size_t i = 0; i < count; i++) {
        minutes[i] = (struct minute){.number = numbers[i]};
    }
    bool is_good = look_for_members(database, facets, minutes, count);
    for (size_t i = 0; is_good && i < facets->search_count; i++) {
        is_good = search_members(database, facets, &facets->searches[i], minutes, count);
    }
    for (size_t i = 0; i < count; i++) {
        has[i] = facets_are_met(facets, &minutes[i].found);
    }
    return is_good;
}
