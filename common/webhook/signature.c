// Which secrets are tried depends on the body, never on whether an earlier one has matched, and 32
// decoded bytes are compared in constant time.
//
// A forged request costs one hash over its body for each secret tried. So of many secrets only
// those are tried whose number occurs in the body; the raw bytes are searched, not parsed.
#include "signature.h"

#include "base64.h"
#include "hmac.h"
#include "memory.h"
#include "phone_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECRET_BYTES_MAX 1024
#define CLUES_LOOKED_UP_MAX 4096 // runs of a body that are looked up among the secrets' numbers
#define TIMESTAMP_DIGITS_MAX 16
#define NAME_BYTES_MAX 64
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
#define MILLISECONDS_FROM 100000000000U

struct secret {
    char *text;    // in base64, as configured
    char *tied_to; // `+14152251493` or `sip:user@host`; NULL: any number
    char *name;    // for people; NULL: it has none
    char *clue;    // must occur in a body: the digits, or the user part in lower case
    struct hmac *key;
};

struct signature_secrets {
    size_t count, tied_count;
    uint16_t by_clue[SIGNATURE_SECRETS_MAX]; // the tied ones, in the order of their clues
    struct secret secrets[SIGNATURE_SECRETS_MAX];
};

static void secret_release(struct secret *secret)
{
    hmac_close(secret->key);
    free(secret->name);
    if (secret->text) {
        memory_wipe(secret->text, strlen(secret->text));
    }
    free(secret->text);
    free(secret->tied_to);
    free(secret->clue);
}

static void sign(const struct secret *secret, struct bytes_view timestamp, struct bytes_view body,
                 unsigned char out[HMAC_BYTES])
{
    const struct bytes_view parts[] = {timestamp, VIEW("."), body};
    hmac(secret->key, 3, parts, out);
}

// --- secrets ----------------------------------------------------------------------------------

// The length of the number in `number=secret`; 0 if it is a secret alone. In base64 an "="
// stands at the end only, with nothing but a further one after it.
static size_t tie_len(struct bytes_view item)
{
    const char *equals = item.len > 0 ? memchr(item.data, '=', item.len) : NULL;
    const char *end = item.data + item.len;
    return equals && equals + 1 < end && equals[1] != '=' ? (size_t)(equals - item.data) : 0;
}

static bool tie(struct secret *secret, struct bytes_view to)
{
    struct phone_number number;
    if (!phone_number_read(&number, to)) {
        return false;
    }
    char text[PHONE_ADDRESS_BYTES_MAX + 8];
    snprintf(text, sizeof text, "%s%s", number.is_address ? "sip:" : "+",
             number.is_address ? number.address : number.digits);
    secret->tied_to = memory_text(text);
    secret->clue = number.is_address ? memory_text_of(number.address, strcspn(number.address, "@"))
                                     : memory_text(number.digits);
    return true;
}

// Of a named list the tie is only a name.
static const char *take_tie(struct secret *secret, struct bytes_view to, bool is_named)
{
    if (!is_named) {
        return tie(secret, to) ? NULL
                               : "is not base64, and not tied to a number or a SIP address "
                                 "either: write +14152251493=… or sip:user@host=…";
    }
    for (size_t i = 0; i < to.len; i++) {
        if (!strchr(NAME_CHARACTERS, to.data[i]) || i == NAME_BYTES_MAX) {
            return "is not base64, and not named either: write name=…, the name of at most 64 "
                   "letters, digits, -, _ and .";
        }
    }
    secret->name = memory_text_of(to.data, to.len);
    return NULL;
}

// Why a secret that is not base64 is none; the commonest ways to paste one.
static const char *base64_problem(const char *text)
{
    size_t len = strlen(text);
    return text[0] == '"' || text[0] == '\'' ? "stands in quotes: remove them"
           : !strncmp(text, "whsec_", 6)
               ? "begins with whsec_: that is a secret of another kind of webhook; copy `hmac` of "
                 "the dial-in number as Daily shows it"
           : strpbrk(text, "-_") ? "is not base64: copy it as Daily shows it (in the URL-safe "
                                   "alphabet, write + for - "
                                   "and / for _)"
           : len % 4 != 0 && strcspn(text, "=") == len
               ? "is not base64: its end is missing (base64 is padded with = to a multiple of 4 "
                 "characters)"
               : "is not base64: copy it as Daily shows it";
}

static bool add_secret(struct signature_secrets *secrets, struct bytes_view item, bool is_named,
                       struct bytes *problem)
{
    unsigned char key[SECRET_BYTES_MAX];
    size_t index = secrets->count + 1; // as people count
    if (item.len == 0) {
        bytes_printf(problem, "element %zu of the list is empty: is there a comma too many?",
                     index);
        return false;
    }
    const size_t most = is_named ? SIGNATURE_TRIES_MAX : SIGNATURE_SECRETS_MAX;
    if (secrets->count == most) {
        bytes_printf(problem, "has more than %zu secrets", most);
        return false;
    }
    struct secret *secret = &secrets->secrets[secrets->count++];
    size_t tie_to = tie_len(item);
    const char *wrong =
        tie_to > 0 ? take_tie(secret, (struct bytes_view){item.data, tie_to}, is_named) : NULL;
    if (wrong) {
        bytes_printf(problem, "secret %zu of the list %s", index, wrong);
        return false;
    }
    item = tie_to > 0 ? (struct bytes_view){item.data + tie_to + 1, item.len - tie_to - 1} : item;
    secret->text = memory_text_of(item.data, item.len);
    size_t len = base64_decode(item, key, sizeof key);
    bool is_good = len >= SIGNATURE_SECRET_BYTES_MIN;
    if (len == 0) {
        bytes_printf(problem, "secret %zu of the list %s", index, base64_problem(secret->text));
    } else if (!is_good) {
        bytes_printf(problem, "secret %zu of the list is shorter than %d bytes", index,
                     SIGNATURE_SECRET_BYTES_MIN);
    } else {
        secret->key = hmac_open(key, len);
    }
    memory_wipe(key, sizeof key);
    return is_good;
}

static int compare_clues(const void *a, const void *b, void *arg)
{
    const struct signature_secrets *secrets = arg;
    return strcmp(secrets->secrets[*(const uint16_t *)a].clue,
                  secrets->secrets[*(const uint16_t *)b].clue);
}

static void sort_clues(struct signature_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (secrets->secrets[i].clue) {
            secrets->by_clue[secrets->tied_count++] = (uint16_t)i;
        }
    }
    qsort_r(secrets->by_clue, secrets->tied_count, sizeof secrets->by_clue[0], compare_clues,
            secrets);
}

static struct signature_secrets *parse(const char *list, bool is_named, struct bytes *problem)
{
    struct signature_secrets *secrets = memory_zeroed(sizeof *secrets);
    const char *item = list;
    for (bool is_last = false; !is_last;) {
        const char *end = item + strcspn(item, ",");
        is_last = *end == '\0';
        struct bytes_view view = {item, (size_t)(end - item)};
        while (view.len > 0 && *view.data == ' ') {
            view = (struct bytes_view){view.data + 1, view.len - 1};
        }
        while (view.len > 0 && view.data[view.len - 1] == ' ') {
            view.len--;
        }
        if (!add_secret(secrets, view, is_named, problem)) {
            signature_secrets_free(secrets);
            return NULL;
        }
        item = end + 1;
    }
    sort_clues(secrets);
    return secrets;
}

struct signature_secrets *signature_secrets_parse(const char *list, struct bytes *problem)
{
    return parse(list, false, problem);
}

struct signature_secrets *signature_secrets_parse_named(const char *list, struct bytes *problem)
{
    return parse(list, true, problem);
}

void signature_secrets_free(struct signature_secrets *secrets)
{
    if (secrets) {
        for (size_t i = 0; i < secrets->count; i++) {
            secret_release(&secrets->secrets[i]);
        }
        free(secrets);
    }
}

bool signature_secrets_are_tied(const struct signature_secrets *secrets)
{
    return secrets->tied_count > 0;
}

bool signature_secrets_have(const struct signature_secrets *secrets, const char *secret)
{
    unsigned char wanted[SECRET_BYTES_MAX], key[SECRET_BYTES_MAX];
    size_t wanted_len = base64_decode(view_of_text(secret), wanted, sizeof wanted);
    bool is_there = false;
    for (size_t i = 0; i < secrets->count; i++) { // by its value: there are several spellings
        size_t len = base64_decode(view_of_text(secrets->secrets[i].text), key, sizeof key);
        is_there = is_there || (len == wanted_len && !memcmp(key, wanted, len));
    }
    memory_wipe(key, sizeof key);
    return is_there;
}

// --- which secrets are tried --------------------------------------------------------------------

struct tries {
    size_t count;
    uint16_t indexes[SIGNATURE_TRIES_MAX];
};

static void try_secret(struct tries *tries, size_t index)
{
    for (size_t i = 0; i < tries->count; i++) {
        if (tries->indexes[i] == index) {
            return;
        }
    }
    if (tries->count < SIGNATURE_TRIES_MAX) {
        tries->indexes[tries->count++] = (uint16_t)index;
    }
}

static int compare_to_clue(const char *clue, struct bytes_view text)
{
    int order = strncasecmp(clue, text.data, text.len);
    return order != 0 ? order : clue[text.len] != '\0';
}

// All secrets with this clue: a number may have several.
static void try_clue(const struct signature_secrets *secrets, struct bytes_view clue,
                     struct tries *tries)
{
    size_t low = 0, high = secrets->tied_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_to_clue(secrets->secrets[secrets->by_clue[middle]].clue, clue) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < secrets->tied_count &&
           compare_to_clue(secrets->secrets[secrets->by_clue[low]].clue, clue) == 0;
         low++) {
        try_secret(tries, secrets->by_clue[low]);
    }
}

static bool is_in_run(char c, bool digits_only)
{
    return (c >= '0' && c <= '9') ||
           (!digits_only &&
            ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || memchr("-_.!~*'+", c, 8)));
}

// Looks up each run of digits, and each run of characters that a SIP user may have.
static void try_occurring(const struct signature_secrets *secrets, struct bytes_view body,
                          bool digits_only, struct tries *tries)
{
    size_t looked_up = 0;
    for (size_t at = 0; at < body.len && looked_up < CLUES_LOOKED_UP_MAX; at++) {
        size_t begin = at;
        while (at < body.len && is_in_run(body.data[at], digits_only)) {
            at++;
        }
        struct bytes_view run = {body.data + begin, at - begin};
        if (digits_only && run.len > 2 && run.data[0] == '0' && run.data[1] == '0') {
            run = (struct bytes_view){run.data + 2, run.len - 2};
        }
        if (run.len > 0) {
            looked_up++;
            try_clue(secrets, run, tries);
        }
    }
}

static void choose_tries(const struct signature_secrets *secrets, struct bytes_view body,
                         struct tries *tries)
{
    tries->count = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        if (!secrets->secrets[i].tied_to) {
            try_secret(tries, i);
        }
    }
    if (secrets->count > SIGNATURE_TRIES_MAX && secrets->tied_count > 0) {
        try_occurring(secrets, body, true, tries);
        try_occurring(secrets, body, false, tries);
    }
    // A webhook need not name its number: the others too, as far as there is room.
    for (size_t i = 0; i < secrets->count && tries->count < SIGNATURE_TRIES_MAX; i++) {
        try_secret(tries, i);
    }
}

// --- checking ---------------------------------------------------------------------------------

static bool parse_timestamp(struct bytes_view text, uint64_t *ms)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > TIMESTAMP_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ms = number >= MILLISECONDS_FROM ? number : number * 1000;
    return true;
}

static bool parse_headers(struct bytes_view timestamp, struct bytes_view signature,
                          uint64_t *signed_ms, unsigned char given[HMAC_BYTES])
{
    return signature.len == SIGNATURE_TEXT_BYTES &&
           base64_decode(signature, given, HMAC_BYTES) == HMAC_BYTES &&
           parse_timestamp(timestamp, signed_ms);
}

static bool is_stale(uint64_t signed_ms, uint64_t now_ms)
{
    uint64_t away_ms = signed_ms > now_ms ? signed_ms - now_ms : now_ms - signed_ms;
    return away_ms > SIGNATURE_FRESH_S * 1000;
}

enum signature_verdict signature_look(struct bytes_view timestamp, struct bytes_view signature,
                                      uint64_t now_ms)
{
    unsigned char given[HMAC_BYTES];
    uint64_t signed_ms = 0;
    if (!parse_headers(timestamp, signature, &signed_ms, given)) {
        return SIGNATURE_WRONG;
    }
    return is_stale(signed_ms, now_ms) ? SIGNATURE_STALE : SIGNATURE_GOOD;
}

enum signature_verdict signature_check(const struct signature_secrets *secrets,
                                       struct bytes_view timestamp, struct bytes_view signature,
                                       struct bytes_view body, uint64_t now_ms,
                                       struct signature_match *match)
{
    unsigned char given[HMAC_BYTES], expected[HMAC_BYTES];
    uint64_t signed_ms = 0;
    size_t matches = 0;
    struct tries tries;
    if (match) {
        match->any_number = false;
        match->count = 0;
    }
    if (!parse_headers(timestamp, signature, &signed_ms, given)) {
        return SIGNATURE_WRONG;
    }
    choose_tries(secrets, body, &tries);
    for (size_t i = 0; i < tries.count; i++) {
        const struct secret *secret = &secrets->secrets[tries.indexes[i]];
        sign(secret, timestamp, body, expected);
        bool is_same = hmac_same(given, expected, HMAC_BYTES);
        matches += is_same;
        if (is_same && match) {
            match->any_number |= secret->tied_to == NULL;
            match->indexes[match->count++] = tries.indexes[i];
        }
    }
    if (matches == 0) {
        return SIGNATURE_WRONG;
    }
    return is_stale(signed_ms, now_ms) ? SIGNATURE_STALE : SIGNATURE_GOOD;
}

static bool is_for(const struct secret *secret, const struct phone_number *to)
{
    struct phone_number own;
    phone_number_read(&own, view_of_text(secret->tied_to));
    return own.is_address ? to->is_address && !strcmp(own.address, to->address)
                          : phone_number_equal(&own, to);
}

bool signature_allows(const struct signature_secrets *secrets, const struct signature_match *match,
                      const char *to)
{
    struct phone_number number;
    if (match->any_number) {
        return true;
    }
    if (!phone_number_read(&number, view_of_text(to))) {
        return false;
    }
    for (size_t i = 0; i < match->count; i++) {
        if (is_for(&secrets->secrets[match->indexes[i]], &number)) {
            return true;
        }
    }
    return false;
}

const char *signature_tied_to(const struct signature_secrets *secrets,
                              const struct signature_match *match)
{
    bool is_tied = match->count > 0 && !match->any_number;
    return is_tied ? secrets->secrets[match->indexes[0]].tied_to : "";
}

void signature_name(const struct signature_secrets *secrets, const struct signature_match *match,
                    char out[SIGNATURE_NAME_BYTES])
{
    out[0] = '\0';
    if (match->count > 0) {
        const struct secret *secret = &secrets->secrets[match->indexes[0]];
        const char *tied_to = secret->name ? secret->name : secret->tied_to;
        snprintf(out, SIGNATURE_NAME_BYTES, "%u of the list%s%.90s%s", match->indexes[0] + 1U,
                 tied_to ? " (" : "", tied_to ? tied_to : "", tied_to ? ")" : "");
    }
}

bool signature_sign(const char *secret, struct bytes_view timestamp, struct bytes_view body,
                    char *out)
{
    unsigned char key[SECRET_BYTES_MAX], digest[HMAC_BYTES];
    struct secret prepared = {0};
    struct bytes text;
    size_t len = base64_decode(view_of_text(secret), key, sizeof key);
    if (len == 0) {
        memory_wipe(key, sizeof key); // a part may be decoded already
        return false;
    }
    prepared.key = hmac_open(key, len);
    sign(&prepared, timestamp, body, digest);
    bytes_init(&text, SIGNATURE_TEXT_BYTES);
    base64_append(&text, digest, HMAC_BYTES);
    view_copy(bytes_view(&text), out, SIGNATURE_TEXT_BYTES + 1);
    bytes_release(&text);
    secret_release(&prepared);
    memory_wipe(key, sizeof key);
    return true;
}

void signature_sha256(struct bytes_view data, char *out)
{
    unsigned char digest[HMAC_BYTES];
    hmac_sha256(data, digest);
    for (size_t i = 0; i < HMAC_BYTES; i++) {
        static const char HEX[] = "0123456789abcdef";
        out[2 * i] = HEX[digest[i] >> 4];
        out[2 * i + 1] = HEX[digest[i] & 15];
    }
    out[2 * HMAC_BYTES] = '\0';
}

bool signature_same_secret(struct bytes_view a, struct bytes_view b)
{
    return a.len == b.len && a.len > 0 && hmac_same(a.data, b.data, a.len);
}
