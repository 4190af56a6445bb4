// See redis_check.h. All is sent at once when the connection is up.
#include "redis_check.h"

#include "loop.h"
#include "redis.h"
#include "redis_info.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT "Redis"
#define MS_PER_S 1000
#define REFUSED_BYTES 400

struct check;
struct attempt {
    struct check *check;
    const struct redis_try *wanted; // NULL: INFO or CONFIG
};

struct check {
    struct loop *loop;
    struct redis *redis;
    struct findings *findings;
    const struct redis_try *tries;
    size_t try_count, left; // `left`: replies that have not come
    size_t refused;         // tries
    struct attempt attempts[REDIS_CHECK_TRIES_MAX];
    bool is_up, is_over;
};

static void end(struct check *check)
{
    check->is_over = true;
    loop_stop(check->loop);
}

static void replied(struct check *check)
{
    if (--check->left == 0) {
        end(check);
    }
}

// --- INFO and CONFIG -------------------------------------------------------------------

// The word after `name:`.
static void word_of(const char *info, const char *name, char word[32])
{
    const char *found = strstr(info, name);
    size_t len = found ? strcspn(found + strlen(name), "\r\n") : 0;
    snprintf(word, 32, "%.*s", (int)(len < 31 ? len : 31), found ? found + strlen(name) : "");
}

// A sentence of redis_info: before its colon the problem, after it the remedy.
static void add_wrong(struct findings *findings, const char *sentence)
{
    const char *colon = strstr(sentence, ": ");
    int len = colon ? (int)(colon - sentence) : (int)strlen(sentence);
    findings_wrong(findings, SUBJECT, colon ? colon + 2 : "", "%.*s", len, sentence);
}

static void judge_info(struct findings *findings, const char *info)
{
    char version[32], valkey[32], role[32];
    const char *problem = redis_info_problem(info, false);
    word_of(info, "\nredis_version:", version);
    word_of(info, "\nvalkey_version:", valkey);
    word_of(info, "\nrole:", role);
    if (problem) {
        findings_wrong(findings, SUBJECT, "name another server in REDIS_URL, or wait for this one",
                       "%s (version %s, %s)", problem, version, role);
    } else {
        findings_fine(findings, SUBJECT, "%s %s, %s", valkey[0] ? "Valkey" : "Redis",
                      valkey[0] ? valkey : version, role);
    }
    const char *const sentences[] = {redis_info_eviction(info), redis_info_no_file(info)};
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
        if (sentences[i]) {
            add_wrong(findings, sentences[i]);
        }
    }
    if (!sentences[0]) {
        findings_fine(findings, SUBJECT, "never evicts (maxmemory-policy noeviction)");
    }
}

static void on_info(const redisReply *reply, void *arg)
{
    struct check *check = ((struct attempt *)arg)->check;
    if (reply && reply->type == REDIS_REPLY_STRING) {
        judge_info(check->findings, reply->str);
    } else if (reply) {
        findings_note(check->findings, SUBJECT,
                      "INFO is not allowed: version, role and settings are not checked");
    }
    replied(check);
}

static void on_fsync(const redisReply *reply, void *arg)
{
    struct check *check = ((struct attempt *)arg)->check;
    const char *sentence = reply ? redis_info_fsync(reply) : NULL;
    if (sentence) {
        findings_note(check->findings, SUBJECT, "%s (now %s)", sentence, reply->element[1]->str);
    }
    replied(check);
}

// --- rights -------------------------------------------------------------------------------------

static bool is_refusal(const redisReply *reply)
{
    static const char WRONG_TYPE[] = "WRONGTYPE";
    enum redis_error error = redis_error_of(reply);
    return error == REDIS_AGAIN || error == REDIS_ELSEWHERE || error == REDIS_REFUSED ||
           (error == REDIS_WRONG && !strncmp(reply->str, WRONG_TYPE, sizeof WRONG_TYPE - 1));
}

static void judge_names(struct check *check, const struct redis_try *wanted,
                        const redisReply *reply)
{
    char names[REFUSED_BYTES] = "";
    for (size_t i = 0; i < reply_count(reply); i++) {
        const struct bytes_view name = reply_view_at(reply, i);
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s%.*s", len ? ", " : "", (int)name.len,
                 name.data ? name.data : "");
    }
    if (names[0]) {
        check->refused++;
        findings_wrong(check->findings, SUBJECT,
                       "give the user of REDIS_URL these rights (common/ship/compose/users.acl.in)",
                       "cannot %s: NOPERM %s", wanted->purpose, names);
    }
}

static void on_tried(const redisReply *reply, void *arg)
{
    struct attempt *attempt = arg;
    struct check *check = attempt->check;
    if (reply && is_refusal(reply)) {
        check->refused++;
        findings_wrong(check->findings, SUBJECT,
                       redis_error_is_moved(reply)
                           ? "this is a node of a cluster: REDIS_URL must begin with "
                             "redis+cluster://"
                           : "give the user of REDIS_URL the rights and the memory that this "
                             "needs (common/ship/compose/users.acl.in)",
                       "cannot %s: %s", attempt->wanted->purpose, reply->str);
    } else if (reply && attempt->wanted->names_refused && reply_is_error(reply)) {
        check->refused++;
        findings_note(check->findings, SUBJECT, "may %s or not: it does not tell (%s)",
                      attempt->wanted->purpose, reply->str);
    } else if (reply && attempt->wanted->names_refused) {
        judge_names(check, attempt->wanted, reply);
    }
    replied(check);
}

// --- the connection -----------------------------------------------------------------------------

static void send(struct check *check, size_t argc, const struct bytes_view *argv,
                 redis_on_reply *on_reply, struct attempt *attempt)
{
    check->left += redis_send_aside(check->redis, argc, argv, on_reply, attempt);
}

static void on_state(bool up, void *arg)
{
    static const struct bytes_view CONFIG[] = {{"CONFIG", 6}, {"GET", 3}, {"appendfsync", 11}};
    struct check *check = arg;
    if (!up || check->is_up) {
        return;
    }
    check->is_up = true;
    check->attempts[0].check = check;
    send(check, 1, &VIEW("INFO"), on_info, &check->attempts[0]);
    send(check, 3, CONFIG, on_fsync, &check->attempts[0]);
    for (size_t i = 0; i < check->try_count; i++) {
        check->attempts[i] = (struct attempt){check, &check->tries[i]};
        send(check, check->tries[i].argc, check->tries[i].argv, on_tried, &check->attempts[i]);
    }
}

static void on_problem(const char *problem, bool refuses, void *arg)
{
    struct check *check = arg;
    if (!check->is_over) {
        findings_wrong(check->findings, SUBJECT,
                       refuses ? "check user, password and database of REDIS_URL"
                               : "start it, or check REDIS_URL, the network and REDIS_CA_FILE",
                       "%s: %s", refuses ? "refuses" : "cannot be reached (REDIS_URL)", problem);
    }
    check->is_up = false;
    end(check);
}

static void on_late(void *arg)
{
    struct check *check = arg;
    findings_wrong(check->findings, SUBJECT, "see if it hangs, or if a firewall drops packets",
                   "did not answer within %d s", REDIS_CHECK_MS / MS_PER_S);
    check->is_up = false;
    end(check);
}

static void judge_clock(struct check *check)
{
    int64_t offset_ms = redis_figures(check->redis).offset_ms;
    int64_t apart_ms = offset_ms < 0 ? -offset_ms : offset_ms;
    if (apart_ms > REDIS_CHECK_CLOCK_MS) {
        findings_wrong(check->findings, "clock", "let NTP set both clocks",
                       "this host's clock is %" PRId64 " s %s that of Redis", apart_ms / MS_PER_S,
                       offset_ms < 0 ? "ahead of" : "behind");
    } else {
        findings_fine(check->findings, "clock", "this host and Redis are %" PRId64 " ms apart",
                      apart_ms);
    }
}

bool redis_check(const struct redis_address *address, const char *name,
                 const struct redis_try *tries, size_t try_count, struct findings *findings)
{
    struct check check = {
        .loop = loop_open(), .findings = findings, .tries = tries, .try_count = try_count};
    assert(try_count <= REDIS_CHECK_TRIES_MAX);
    struct loop_timer *patience = loop_timer_open(check.loop, on_late, &check);
    loop_timer_start(patience, REDIS_CHECK_MS);
    check.redis = redis_open_for_tool(check.loop, address, name, REDIS_CHECK_MS * 2, on_state,
                                      on_problem, &check);
    loop_run(check.loop);
    bool is_good = check.is_up;
    if (is_good) {
        judge_clock(&check);
    }
    if (is_good && try_count > 0 && check.refused == 0) {
        findings_fine(findings, SUBJECT, "allows all that is needed");
    }
    check.is_over = true;
    redis_close(check.redis);
    loop_timer_close(patience);
    loop_close(check.loop);
    return is_good;
}
