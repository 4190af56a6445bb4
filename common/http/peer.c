// Addresses are compared as 128 bits, IPv4 as its mapped form, so that one comparison serves both.
// The header is read from its end, because each proxy appends: only the part that trusted proxies
// wrote counts.
#include "peer.h"

#include "memory.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITS_OF_MAPPED_PREFIX 96

struct network {
    uint8_t address[16];
    unsigned bits;
};

struct peer_proxies {
    struct network networks[PEER_PROXIES_MAX];
    size_t count;
};

static bool parse_address(const char *text, uint8_t out[16], bool *is_ip4)
{
    struct in_addr ip4;
    *is_ip4 = inet_pton(AF_INET, text, &ip4) == 1;
    if (*is_ip4) {
        memset(out, 0, 10);
        memset(out + 10, 0xff, 2);
        memcpy(out + 12, &ip4, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_network(char *text, struct network *network)
{
    bool is_ip4 = false;
    char *slash = strchr(text, '/');
    if (slash) {
        *slash = '\0';
    }
    if (!parse_address(text, network->address, &is_ip4)) {
        return false;
    }
    unsigned bits_max = is_ip4 ? 32 : 128;
    unsigned long bits = bits_max;
    if (slash) {
        char *end = slash + 1;
        if (*end < '0' || *end > '9') {
            return false;
        }
        bits = strtoul(slash + 1, &end, 10);
        if (*end || bits > bits_max) {
            return false;
        }
    }
    network->bits = (unsigned)bits + (is_ip4 ? BITS_OF_MAPPED_PREFIX : 0);
    return true;
}

struct peer_proxies *peer_proxies_parse(const char *list, struct bytes *problem)
{
    struct peer_proxies *proxies = memory_zeroed(sizeof *proxies);
    char *copy = memory_text(list ? list : "");
    char *rest = copy[0] ? copy : NULL;
    for (char *item = strsep(&rest, ","); item; item = strsep(&rest, ",")) {
        item += strspn(item, " ");
        item[strcspn(item, " ")] = '\0';
        if (proxies->count == PEER_PROXIES_MAX) {
            bytes_printf(problem, "has more than %d elements", PEER_PROXIES_MAX);
        } else if (!parse_network(item, &proxies->networks[proxies->count++])) {
            bytes_printf(problem, "'%.64s' is neither an address nor a network such as 10.0.0.0/8",
                         item);
        }
        if (problem->len > 0) {
            peer_proxies_free(proxies);
            proxies = NULL;
            break;
        }
    }
    free(copy);
    return proxies;
}

void peer_proxies_free(struct peer_proxies *proxies)
{
    free(proxies);
}

static bool contains(const struct network *network, const uint8_t address[16])
{
    unsigned whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0) {
        return false;
    }
    return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool peer_is_proxy(const struct peer_proxies *proxies, const char *text)
{
    uint8_t address[16];
    bool is_ip4 = false;
    if (!parse_address(text, address, &is_ip4)) {
        return false;
    }
    for (size_t i = 0; i < proxies->count; i++) {
        if (contains(&proxies->networks[i], address)) {
            return true;
        }
    }
    return false;
}

// The address of an element as proxies write it: 203.0.113.7, 203.0.113.7:54321, 2001:db8::7,
// [2001:db8::7], [2001:db8::7]:54321, each also in quotes.
static struct bytes_view without_port(struct bytes_view element)
{
    if (element.len >= 2 && element.data[0] == '"' && element.data[element.len - 1] == '"') {
        element = (struct bytes_view){element.data + 1, element.len - 2};
    }
    if (element.len > 0 && element.data[0] == '[') {
        const char *close = memchr(element.data, ']', element.len);
        size_t len = close ? (size_t)(close - element.data - 1) : 0;
        return (struct bytes_view){element.data + 1, len};
    }
    const char *colon = element.len > 0 ? memchr(element.data, ':', element.len) : NULL;
    if (colon && !memchr(colon + 1, ':', element.len - (size_t)(colon + 1 - element.data))) {
        element.len = (size_t)(colon - element.data); // two colons: IPv6
    }
    return element;
}

// Takes the last element off `*header`; returns false if there is none, or it is not an address.
static bool take_last(struct bytes_view *header, char out[PEER_BYTES])
{
    size_t end = header->len;
    while (end > 0 && (header->data[end - 1] == ' ' || header->data[end - 1] == '\t')) {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && header->data[begin - 1] != ',') {
        begin--;
    }
    header->len = begin > 0 ? begin - 1 : 0;
    while (begin < end && (header->data[begin] == ' ' || header->data[begin] == '\t')) {
        begin++;
    }
    struct bytes_view element =
        without_port((struct bytes_view){header->data + begin, end - begin});
    uint8_t address[16];
    bool is_ip4 = false;
    view_copy(element, out, PEER_BYTES);
    return element.len > 0 && element.len < PEER_BYTES && parse_address(out, address, &is_ip4);
}

void peer_of(const struct peer_proxies *proxies, const char *connected, const char *forwarded_for,
             char out[PEER_BYTES])
{
    struct bytes_view header = view_of_text(forwarded_for);
    char nearer[PEER_BYTES];
    snprintf(out, PEER_BYTES, "%s", connected);
    while (header.len > 0 && peer_is_proxy(proxies, out) && take_last(&header, nearer)) {
        memcpy(out, nearer, PEER_BYTES);
    }
}
