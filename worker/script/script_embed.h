// A Lua script inside a program. The assembler's .incbin brings the text in from build/scripts/,
// which the Makefile fills with scripts composed from their parts (scripts.mk).
#ifndef DIALIN_SCRIPT_EMBED_H
#define DIALIN_SCRIPT_EMBED_H

// Makes `symbol` the text of build/scripts/`name`.lua, with a NUL at its end.
#define SCRIPT_EMBED(symbol, name)                                                                 \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"scripts/" name ".lua\"\n.byte 0\n"                                          \
            ".popsection\n");                                                                      \
    extern const char symbol[]

#endif
