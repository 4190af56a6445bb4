// See options.h. Secrets come from the environment or a file, never from a flag: everybody on the
// machine can read the flags of a running program.
#include "options.h"

#include "config.h"
#include "memory.h"
#include "redis_settings.h"
#include "process.h"
#include "secret.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_OF_DIALINS "http://127.0.0.1:7860/api/dial"
#define URL_OF_TRUNKS "http://127.0.0.1:7860/api/sip-trunk"
#define URL_OF_EVENTS "http://127.0.0.1:7860/api/daily-events"
#define NUMBER_OF_TRIALS "+12025550142"

struct environment {
    char *secrets;
    char *trunk_secrets;
    char *events_secrets;
    char *api_key;
    char *redis_url;
    char *redis_prefix;
    char *redis_ca_file, *redis_cert, *redis_key;
};

static const struct config_option TABLE[] = {
    {"PINLESS_HMAC_SECRET", CONFIG_SECRET, offsetof(struct environment, secrets), NULL, 0, 0,
     "signs the webhooks; of a list the first for any number, or the one for --to"},
    {"SIP_TRUNK_SECRET", CONFIG_SECRET, offsetof(struct environment, trunk_secrets), NULL, 0, 0,
     "signs with --trunk; of a list the first"},
    {"DAILY_WEBHOOK_SECRET", CONFIG_SECRET, offsetof(struct environment, events_secrets), NULL, 0,
     0, "signs with --events; of a list the first"},
    {"INGRESS_API_KEY", CONFIG_SECRET, offsetof(struct environment, api_key), NULL, 0, 0,
     "sent with --dialout where there is no secret to sign with"},
    {"REDIS_URL", CONFIG_SECRET, offsetof(struct environment, redis_url), "redis://127.0.0.1:6379",
     0, 0, "where --wait looks for what became of the calls"},
    {"REDIS_PREFIX", CONFIG_TEXT, offsetof(struct environment, redis_prefix), "{dialin}", 0, 0,
     "first part of the keys there"},
    {"REDIS_CA_FILE", CONFIG_PATH, offsetof(struct environment, redis_ca_file), NULL, 0, 0,
     "rediss://: file of the CA that signs Redis' certificate; default: the system's CAs"},
    {"REDIS_CERT", CONFIG_PATH, offsetof(struct environment, redis_cert), NULL, 0, 0,
     "rediss://: file of the certificate that Redis wants of its clients, if it wants one"},
    {"REDIS_KEY", CONFIG_PATH, offsetof(struct environment, redis_key), NULL, 0, 0,
     "rediss://: file of the key of REDIS_CERT"},
    {NULL, CONFIG_TEXT, 0, NULL, 0, 0, NULL},
};

enum {
    ID_FIRST = 256,
    URL,
    COUNT,
    RATE,
    CONNECTIONS,
    FROM,
    TO,
    SIP_HEADER,
    DIALOUT,
    TRUNK,
    EVENTS,
    EVENT,
    ROOM,
    SECONDS,
    REPEAT,
    CALL_ID,
    UNSIGNED,
    SECRET_FILE,
    WAIT,
    TIMEOUT_S,
    JSON,
    QUIET,
    HELP,
    VERSION
};

static const struct option FLAGS[] = {
    {"url", required_argument, NULL, URL},
    {"count", required_argument, NULL, COUNT},
    {"rate", required_argument, NULL, RATE},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"from", required_argument, NULL, FROM},
    {"to", required_argument, NULL, TO},
    {"sip-header", required_argument, NULL, SIP_HEADER},
    {"dialout", no_argument, NULL, DIALOUT},
    {"trunk", no_argument, NULL, TRUNK},
    {"events", no_argument, NULL, EVENTS},
    {"event", required_argument, NULL, EVENT},
    {"room", required_argument, NULL, ROOM},
    {"seconds-timestamp", no_argument, NULL, SECONDS},
    {"repeat", required_argument, NULL, REPEAT},
    {"call-id", required_argument, NULL, CALL_ID},
    {"unsigned", no_argument, NULL, UNSIGNED},
    {"secret-file", required_argument, NULL, SECRET_FILE},
    {"wait", no_argument, NULL, WAIT},
    {"timeout-s", required_argument, NULL, TIMEOUT_S},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static void print_help(void)
{
    printf(
        "dialin-caller " DIALIN_VERSION "\n"
        "Plays Daily: sends signed webhooks, and reports how they were taken and, with --wait,\n"
        "what became of the calls. Exit code 0: all were acknowledged (with --wait: started).\n\n"
        "  --url URL             the ingress (http://127.0.0.1:7860/api/dial; /api/sip-trunk\n"
        "                        with --trunk, /api/daily-events with --events)\n"
        "  --count N             calls, or events (1)\n"
        "  --rate R              webhooks a second (as fast as the connections allow)\n"
        "  --connections C       connections (64)\n"
        "  --from NUMBER         caller (another one for each call)\n"
        "  --to NUMBER           called number (" NUMBER_OF_TRIALS
        ", or the number of the secret)\n"
        "  --sip-header K=V      adds to sipHeaders; may be repeated\n"
        "  --dialout             asks for an outgoing call instead\n"
        "  --trunk               calls over a SIP trunk instead\n"
        "  --events              Daily's events instead: dialin.connected and dialin.stopped, in\n"
        "                        turn, of one made-up room after the other\n"
        "  --event TYPE          all of this type, such as dialin.error\n"
        "  --room NAME           all of this room, the last part of a call's room_url\n"
        "  --seconds-timestamp   signs with seconds instead of milliseconds\n"
        "  --repeat K            sends each webhook K times (1)\n"
        "  --call-id ID          the callId, with --trunk the room's name; with --count 1\n"
        "  --unsigned            sends no signature, for an ingress with ALLOW_UNSIGNED\n"
        "  --secret-file PATH    holds what else the variable with the secret holds\n"
        "  --wait                waits until every call is started or dead\n"
        "  --timeout-s S         but no longer than this (130)\n"
        "  --json                prints the result as one JSON object\n"
        "  --quiet               prints nothing but errors\n"
        "\nEnvironment, each also as NAME_FILE:\n");
    config_print_table(TABLE);
}

static bool complain(const char *subject, const char *sentence)
{
    fprintf(stderr, "dialin-caller: %s: %s; --help lists the flags\n", subject, sentence);
    return false;
}

static bool take_number(const char *flag, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(optarg, &end, 10);
    if (*optarg < '0' || *optarg > '9' || *end || *out < min || *out > max) {
        fprintf(stderr, "dialin-caller: --%s: a whole number from %llu to %llu is needed\n", flag,
                (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    return true;
}

static bool take_rate(struct options *options)
{
    char *end = NULL;
    options->rate = strtod(optarg, &end);
    if (*end || !(options->rate >= 0.01 && options->rate <= 1000000)) {
        return complain("--rate", "a number from 0.01 to 1000000 is needed");
    }
    return true;
}

static bool take_sip_header(struct options *options)
{
    if (!strchr(optarg, '=') || *optarg == '=') {
        return complain("--sip-header", "a name and a value are needed, as in X-Tenant=acme");
    }
    if (options->sip_header_count == OPTIONS_SIP_HEADERS_MAX) {
        return complain("--sip-header", "there are too many");
    }
    options->sip_headers[options->sip_header_count++] = optarg;
    return true;
}

static bool take_flag(struct options *options, int id)
{
    switch (id) {
    case COUNT:
        return take_number("count", 1, OPTIONS_COUNT_MAX, &options->count);
    case CONNECTIONS:
        return take_number("connections", 1, 10000, &options->connections);
    case REPEAT:
        return take_number("repeat", 1, 10000, &options->repeat);
    case TIMEOUT_S:
        return take_number("timeout-s", 1, 86400, &options->timeout_s);
    case RATE:
        return take_rate(options);
    case SIP_HEADER:
        return take_sip_header(options);
    }
    return false; // getopt has said what is wrong
}

static const char **text_of(struct options *options, int id)
{
    return id == URL           ? &options->url
           : id == FROM        ? &options->from
           : id == TO          ? &options->to
           : id == CALL_ID     ? &options->call_id
           : id == ROOM        ? &options->room
           : id == EVENT       ? &options->event
           : id == SECRET_FILE ? &options->secret_file
                               : NULL;
}

static bool *switch_of(struct options *options, int id)
{
    return id == DIALOUT    ? &options->dialout
           : id == TRUNK    ? &options->trunk
           : id == EVENTS   ? &options->events
           : id == SECONDS  ? &options->seconds_timestamp
           : id == UNSIGNED ? &options->is_unsigned
           : id == WAIT     ? &options->wait
           : id == JSON     ? &options->json
           : id == QUIET    ? &options->quiet
                            : NULL;
}

static enum options_command read_flags(struct options *options, int argc, char **argv)
{
    int id;
    while ((id = getopt_long(argc, argv, "", FLAGS, NULL)) != -1) {
        bool *is_on = switch_of(options, id);
        const char **text = text_of(options, id);
        if (id == HELP) {
            print_help();
            return OPTIONS_DONE;
        } else if (id == VERSION) {
            printf("dialin-caller " DIALIN_VERSION "\n");
            return OPTIONS_DONE;
        } else if (is_on) {
            *is_on = true;
        } else if (text) {
            *text = optarg;
        } else if (!take_flag(options, id)) {
            return OPTIONS_USAGE;
        }
    }
    if (optind < argc) {
        complain(argv[optind], "there are no arguments but flags");
        return OPTIONS_USAGE;
    }
    return OPTIONS_RUN;
}

static bool check_flags(const struct options *options)
{
    if (options->url && strncmp(options->url, "http://", 7) != 0 &&
        strncmp(options->url, "https://", 8) != 0) {
        return complain("--url", "it begins with http:// or https://");
    }
    if (options->trunk + options->dialout + options->events > 1) {
        return complain("--trunk", "--dialout and --events exclude each other");
    }
    if (options->events && (options->wait || options->call_id)) {
        return complain("--events", "excludes --wait and --call-id: an event is no call");
    }
    if (!options->events && (options->room || options->event)) {
        return complain("--room", "and --event need --events");
    }
    if (options->room && (!*options->room || strlen(options->room) > OPTIONS_ROOM_BYTES_MAX)) {
        return complain("--room", "it has 1 to 200 characters");
    }
    if (options->event && strlen(options->event) > OPTIONS_EVENT_BYTES_MAX) {
        return complain("--event", "it has 64 characters at most");
    }
    if (options->call_id && options->count != 1) {
        return complain("--call-id", "it names one call, so --count must be 1");
    }
    if (options->call_id && (!*options->call_id || strlen(options->call_id) > 128)) {
        return complain("--call-id", "it has 1 to 128 characters");
    }
    if (options->count * options->repeat > OPTIONS_SENDS_MAX) {
        return complain("--repeat", "count times repeat is more than 4000000");
    }
    return true;
}

// --- secrets ----------------------------------------------------------------------------------

static bool take_secret_of(struct options *options, const char *list, const char *source)
{
    // That of a trunk has a name, not a number, and that of events neither.
    bool has_number = !options->trunk && !options->events;
    const char *problem = secret_choose(list, has_number ? options->to : NULL, &options->secret,
                                        &options->number_of_secret);
    if (problem) {
        return complain(source, problem);
    }
    if (has_number && !options->to && options->number_of_secret) {
        options->to = options->number_of_secret;
    }
    return true;
}

static bool take_secret(struct options *options, const struct environment *environment)
{
    if (options->is_unsigned) {
        return true;
    }
    if (options->secret_file) {
        char *list = secret_read_file(options->secret_file);
        bool ok = list ? take_secret_of(options, list, "--secret-file")
                       : complain("--secret-file", "the file cannot be read");
        memory_wipe(list, list ? strlen(list) : 0);
        free(list);
        return ok;
    }
    if (options->trunk || options->events) {
        const char *name = options->trunk ? "SIP_TRUNK_SECRET" : "DAILY_WEBHOOK_SECRET";
        const char *list =
            options->trunk ? environment->trunk_secrets : environment->events_secrets;
        return list ? take_secret_of(options, list, name)
                    : complain(name, "it is not set: set it to the ingress' secret");
    }
    if (environment->secrets) {
        return take_secret_of(options, environment->secrets, "PINLESS_HMAC_SECRET");
    }
    if (options->dialout && environment->api_key) {
        options->api_key = memory_text(environment->api_key);
        return true;
    }
    return complain("PINLESS_HMAC_SECRET",
                    "it is not set: set it to the ingress' secret, or use --unsigned");
}

// Where Redis is, with texts that outlive the environment's.
static void take_redis(struct options *options, const struct environment *environment,
                       struct config_problems *problems)
{
    const char *const paths[] = {environment->redis_ca_file, environment->redis_cert,
                                 environment->redis_key};
    for (size_t i = 0; i < 3; i++) {
        options->redis_files[i] = paths[i] ? memory_text(paths[i]) : NULL;
    }
    options->redis_prefix = memory_text(environment->redis_prefix);
    const struct redis_settings settings = {
        .url = environment->redis_url,
        .prefix = options->redis_prefix,
        .tls_files = {options->redis_files[0], options->redis_files[1], options->redis_files[2]},
    };
    redis_settings_load(&settings, &options->redis, problems);
}

static bool read_environment(struct options *options)
{
    struct environment environment = {0};
    struct config_problems problems;
    config_problems_init(&problems);
    config_load(TABLE, &environment, &problems);
    take_redis(options, &environment, &problems);
    if (problems.count > 0) {
        process_report(&problems, "dialin-caller");
    }
    bool ok = problems.count == 0 && take_secret(options, &environment);
    config_problems_release(&problems);
    config_release(TABLE, &environment);
    return ok;
}

enum options_command options_load(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .count = 1,
        .repeat = 1,
        .connections = 64,
        .timeout_s = 130,
    };
    enum options_command command = read_flags(options, argc, argv);
    if (command == OPTIONS_RUN && (!check_flags(options) || !read_environment(options))) {
        return OPTIONS_USAGE;
    }
    if (!options->to) {
        options->to = NUMBER_OF_TRIALS;
    }
    if (!options->url) {
        options->url = options->trunk    ? URL_OF_TRUNKS
                       : options->events ? URL_OF_EVENTS
                                         : URL_OF_DIALINS;
    }
    return command;
}

void options_release(struct options *options)
{
    if (options->secret) {
        memory_wipe(options->secret, strlen(options->secret));
    }
    if (options->api_key) {
        memory_wipe(options->api_key, strlen(options->api_key));
    }
    memory_wipe(options->redis.password, sizeof options->redis.password);
    free(options->secret);
    free(options->api_key);
    free(options->redis_prefix);
    for (size_t i = 0; i < 3; i++) {
        free(options->redis_files[i]);
    }
    free(options->number_of_secret);
}
