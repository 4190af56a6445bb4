// The page: files that are part of the program.
#ifndef DIALIN_BOARD_PAGES_H
#define DIALIN_BOARD_PAGES_H

#include "http_server.h"

struct page {
    const char *path; // in a request
    const char *type;
    struct bytes_view text;
};

// NULL: there is no such file.
const struct page *page_find(const char *path);

// The tag of a file, in quotes: it changes with the file.
#define PAGE_TAG_BYTES 40
void page_tag(const struct page *page, char out[PAGE_TAG_BYTES]);

#endif
