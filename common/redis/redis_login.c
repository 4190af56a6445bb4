// See redis_login.h. All is sent at once; the first error ends it.
#include "redis_login.h"

#include "log.h"
#include "loop.h"
#include "redis_command.h"
#include "redis_info.h"

#include <string.h>

static void end(struct redis_login *login, const char *problem)
{
    if (!login->is_over) {
        login->is_over = true;
        login->on_end(problem, login->arg);
    }
}

static bool send(struct redis_login *login, size_t argc, const struct bytes_view *argv,
                 redis_on_reply *on_reply)
{
    return login->send(argc, argv, on_reply, login, login->arg);
}

static void must_succeed(const redisReply *reply, void *arg)
{
    if (reply_is_error(reply)) {
        end(arg, reply->str); // "WRONGPASS …", "ERR DB index is out of range"
    }
}

static void ignore_reply(const redisReply *reply, void *arg)
{
    (void)reply, (void)arg;
}

// --- the checks ---------------------------------------------------------------------------------

static void on_fsync(const redisReply *reply, void *arg)
{
    const struct redis_login *login = arg;
    if (reply) {
        redis_info_warn_of_fsync(reply, login->name);
    }
}

static void warn_of_settings(struct redis_login *login, const char *info)
{
    const struct bytes_view config[] = {VIEW("CONFIG"), VIEW("GET"), VIEW("appendfsync")};
    redis_info_warn(info, login->name);
    if (redis_info_has_file(info)) {
        send(login, 3, config, on_fsync);
    }
}

// INFO is not for everybody: managed servers and narrow users are used without it.
static bool may_go_without_info(const redisReply *error)
{
    static const char NOT_ALLOWED[] = "NOPERM", NOT_THERE[] = "ERR unknown command";
    return !strncmp(error->str, NOT_ALLOWED, sizeof NOT_ALLOWED - 1) ||
           !strncmp(error->str, NOT_THERE, sizeof NOT_THERE - 1);
}

static void warn_of_info(struct redis_login *login, const char *error)
{
    if (!login->is_warned && !login->is_for_tool) {
        log_warning("Redis does not allow INFO: its version, role, memory and settings are not "
                    "checked",
                    log_text("connection", login->name), log_text("error", error));
    }
    login->is_warned = true;
}

static void on_info(const redisReply *reply, void *arg)
{
    struct redis_login *login = arg;
    const char *problem = NULL;
    if (!reply || login->is_over) {
        return; // the connection broke, or there was an error before
    }
    if (reply->type == REDIS_REPLY_STRING) {
        problem = redis_info_problem(reply->str, login->is_for_tool);
    } else if (!reply_is_error(reply)) {
        problem = "INFO is not understood";
    } else if (may_go_without_info(reply)) {
        warn_of_info(login, reply->str);
    } else {
        problem = reply->str;
    }
    if (!problem && reply->type == REDIS_REPLY_STRING && !login->is_for_tool) {
        warn_of_settings(login, reply->str);
    }
    end(login, problem);
}

// --- sending ------------------------------------------------------------------------------------

static void on_time(const redisReply *reply, void *arg)
{
    const struct redis_login *login = arg;
    login->clock->ping_us = loop_now_us() - login->clock->asked_us;
    redis_clock_take(login->clock, reply, loop_now_ms());
}

bool redis_login_ask_time(struct redis_login *login)
{
    login->clock->asked_us = loop_now_us();
    redis_clock_ask(login->clock, loop_now_ms());
    return send(login, 1, &VIEW("TIME"), on_time);
}

void redis_login_begin(struct redis_login *login)
{
    const struct redis_address *address = login->address;
    const struct bytes_view user = view_of_text(address->user);
    const struct bytes_view password = view_of_text(address->password);
    const struct bytes_view with_user[] = {VIEW("AUTH"), user, password};
    const struct bytes_view without[] = {VIEW("AUTH"), password};
    const struct bytes_view set_name[] = {VIEW("CLIENT"), VIEW("SETNAME"),
                                          view_of_text(login->name)};
    login->is_over = false;
    if (address->has_login) {
        send(login, user.len > 0 ? 3 : 2, user.len > 0 ? with_user : without, must_succeed);
    }
    if (address->database > 0) {
        char number[REDIS_NUMBER_BYTES];
        const struct bytes_view select[] = {VIEW("SELECT"),
                                            redis_number(number, address->database)};
        send(login, 2, select, must_succeed);
    }
    send(login, 3, set_name, ignore_reply);
    redis_login_ask_time(login);
    send(login, 1, &VIEW("INFO"), on_info);
}
