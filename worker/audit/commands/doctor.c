// dialin-audit doctor: finds faults between Daily, us, Redis and the agent, with a remedy. Each
// part is looked at even if another fails. Nothing is changed, and no bot is started; --number with
// --yes changes one number at Daily. daily_api.h lists the parts of Daily's API that could not be
// verified.
#include "doctor.h"

#include "agent_probe.h"
#include "audit_routing.h"
#include "json_line.h"
#include "online.h"

#include <stdio.h>

#define LEVEL_COLUMNS 6

static const char WITHOUT_REDIS[] = "programs, agents and refused webhooks are not checked";

void doctor_agents(const struct audit *audit, struct findings *findings)
{
    const struct audit_settings *settings = audit->settings;
    struct routing *routing = audit_routing_open(settings->routes_file, settings);
    if (!routing) {
        findings_wrong(findings, "routes", "mend the file that ROUTES_FILE names",
                       "cannot be used: see the line above");
        return;
    }
    if (!routing_environment(routing)->route.start_url[0]) {
        findings_note(findings, "agent",
                      "not checked: neither START_URL nor PIPECAT_CLOUD_API_KEY and AGENT_NAME are "
                      "set here as the worker has them");
    }
    agent_probe(routing, settings->start_ca_file, findings);
    routing_release(routing);
}

static void check_redis(struct audit *audit, struct findings *findings)
{
    const struct audit_settings *settings = audit->settings;
    bool is_good =
        online_check_redis(&settings->redis, settings->redis_prefix, "dialin-audit", findings);
    audit->database = is_good ? database_open(&settings->redis, settings->redis_prefix) : NULL;
    if (audit->database) {
        doctor_record(audit, findings);
    } else {
        findings_note(findings, "record", "%s", WITHOUT_REDIS);
    }
}

static void print(const struct screen *screen, const struct finding *finding)
{
    static const enum colour COLOURS[] = {
        [FINDING_FINE] = COLOUR_GOOD, [FINDING_NOTE] = COLOUR_FAINT, [FINDING_WRONG] = COLOUR_BAD};
    screen_put_text(screen, COLOURS[finding->level], LEVEL_COLUMNS,
                    finding_level_name(finding->level));
    screen_put_text(screen, COLOUR_NONE, 0, finding->subject);
    screen_put_text(screen, COLOUR_NONE, 0, ": ");
    screen_put_text(screen, COLOUR_NONE, 0, finding->text);
    if (finding->remedy[0]) {
        screen_print("\n%*s", LEVEL_COLUMNS, "");
        screen_put_text(screen, COLOUR_NONE, 0, finding->remedy);
    }
    screen_print("\n");
}

static void print_json(struct json_line *line, const struct finding *finding)
{
    json_line_text(line, "check", view_of_text(finding->subject));
    json_line_text(line, "level", view_of_text(finding_level_name(finding->level)));
    json_line_text(line, "text", view_of_text(finding->text));
    json_line_text(line, "do", view_of_text(finding->remedy));
    screen_json(line, stdout);
}

static void print_all(const struct audit *audit, const struct findings *findings)
{
    struct json_line line;
    json_line_init(&line);
    for (size_t i = 0; i < findings->count; i++) {
        if (audit->options->json) {
            print_json(&line, &findings->list[i]);
        } else {
            print(&audit->screen, &findings->list[i]);
        }
    }
    if (!audit->options->json && !audit->options->number) {
        screen_print("%zu wrong\n", findings->wrong);
    }
    json_line_release(&line);
}

enum exit_code doctor_run(struct audit *audit)
{
    struct findings findings;
    findings_init(&findings);
    if (audit->options->number) {
        doctor_change(audit, &findings);
    } else {
        check_redis(audit, &findings);
        doctor_agents(audit, &findings);
        doctor_daily(audit, &findings);
    }
    print_all(audit, &findings);
    enum exit_code code = findings.wrong > 0 ? EXIT_NOT_DONE : EXIT_DONE;
    findings_release(&findings);
    return code;
}
