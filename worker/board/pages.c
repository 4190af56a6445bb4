// See pages.h. The assembler's .incbin brings the files in from the folder page/.
#include "pages.h"

#include "hmac.h"

#include <stdint.h>
#include <string.h>

#define PAGE_EMBED(symbol, file)                                                                   \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"page/" file "\"\n"                                                          \
            ".set " #symbol "_bytes, . - " #symbol "\n.byte 0\n"                                   \
            ".balign 8\n.global " #symbol "_len\n" #symbol "_len: .quad " #symbol "_bytes\n"       \
            ".popsection\n");                                                                      \
    extern const char symbol[];                                                                    \
    extern const uint64_t symbol##_len

#define PAGE_TABLE(X)                                                                              \
    X(page_index, "/", "index.html", "text/html; charset=utf-8")                                   \
    X(page_css, "/board.css", "board.css", "text/css; charset=utf-8")                              \
    X(page_board, "/board.js", "board.js", "text/javascript; charset=utf-8")                       \
    X(page_dom, "/dom.js", "dom.js", "text/javascript; charset=utf-8")                             \
    X(page_now, "/now.js", "now.js", "text/javascript; charset=utf-8")                             \
    X(page_calls, "/calls.js", "calls.js", "text/javascript; charset=utf-8")                       \
    X(page_search, "/search.js", "search.js", "text/javascript; charset=utf-8")                    \
    X(page_system, "/system.js", "system.js", "text/javascript; charset=utf-8")                    \
    X(page_live, "/live.js", "live.js", "text/javascript; charset=utf-8")                          \
    X(page_icon, "/icon.svg", "icon.svg", "image/svg+xml")

#define EMBED(symbol, path, file, type) PAGE_EMBED(symbol, file);
PAGE_TABLE(EMBED)

const struct page *page_find(const char *path)
{
    static struct page pages[16];
    size_t count = 0;
    if (!pages[0].path) { // the sizes of embedded files are not constants
#define ROW(symbol, path_of, file, type_of)                                                        \
    pages[count++] = (struct page){path_of, type_of, {symbol, (size_t)symbol##_len}};
        PAGE_TABLE(ROW)
    }
    for (const struct page *page = pages; page->path; page++) {
        if (!strcmp(page->path, path)) {
            return page;
        }
    }
    return NULL;
}

void page_tag(const struct page *page, char out[PAGE_TAG_BYTES])
{
    static const char HEX[] = "0123456789abcdef";
    unsigned char digest[HMAC_BYTES];
    hmac_sha256(page->text, digest);
    char *at = out;
    *at++ = '"';
    for (size_t i = 0; i < 16; i++) {
        *at++ = HEX[digest[i] >> 4];
        *at++ = HEX[digest[i] & 15];
    }
    *at++ = '"';
    *at = '\0';
}
