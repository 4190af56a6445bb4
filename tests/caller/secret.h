// Which of the configured secrets signs: PINLESS_HMAC_SECRET may hold several, some for one number.
#ifndef CALLER_SECRET_H
#define CALLER_SECRET_H

// Takes from `list` the first secret that may sign for `to`; without `to` (NULL) the first at all.
// `secret` and `number` (the one it is for; NULL: any) become the caller's own. Returns NULL, or a
// sentence that says what is wrong with the list, and never holds a secret.
const char *secret_choose(const char *list, const char *to, char **secret, char **number);

// The content of a file without its trailing newline, or NULL. The caller wipes and frees it.
char *secret_read_file(const char *path);

#endif
