// Any text as REDIS_URL: refused with a sentence, or hosts that are there.
#include "memory.h"
#include "redis_address.h"
#include "redis_slot.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_address address;
    char *url = memory_text_of((const char *)data, size);
    if (!redis_address_parse(&address, url)) {
        assert(address.host_count >= 1 && address.host_count <= REDIS_HOSTS_MAX);
        for (size_t i = 0; i < address.host_count; i++) {
            assert(address.hosts[i].name[0]);
            assert(memchr(address.hosts[i].name, '\0', sizeof address.hosts[i].name));
        }
        assert(address.kind != REDIS_SENTINEL || address.master[0]);
        assert(address.database <= 9999);
        assert(redis_slot_of(view_of_text(address.hosts[0].name)) < REDIS_SLOTS);
    }
    free(url);
    return 0;
}
