// A Lua script inside a program. The text comes in by the assembler's .incbin, so that scripts stay
// Lua files with Lua tools.
#ifndef DIALIN_SCRIPT_EMBED_H
#define DIALIN_SCRIPT_EMBED_H

// Makes `symbol` the text of `files` behind `flags`, with a NUL at its end.
#define SCRIPT_EMBED(symbol, flags, files)                                                         \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".ascii \"#!lua " flags "\\n\"\n" files ".byte 0\n"                                    \
            ".popsection\n");                                                                      \
    extern const char symbol[]

#define SCRIPT_FILE(name) ".incbin \"worker/" name ".lua\"\n"

#endif
