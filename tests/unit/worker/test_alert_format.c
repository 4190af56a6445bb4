// Which receiver a URL names, and what is sent to it.
#include "alert_format.h"
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define TOKEN "1234567890/aB3-_x"
#define INVOKE "/workflows/0f/triggers/manual/paths/invoke"

static const struct {
    const char *url;
    enum alert_format format;
} CASES[] = {
    {"https://hooks.slack.com/services/T0/B0/x", ALERT_FORMAT_TEXT},
    {"https://mattermost.example.com/hooks/xxx", ALERT_FORMAT_TEXT},
    {"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", ALERT_FORMAT_TEXT},
    {"https://chat.example.com", ALERT_FORMAT_TEXT},
    {"https://chat.example.com/", ALERT_FORMAT_TEXT},
    {"https://chat.example.com?a=/topic", ALERT_FORMAT_TEXT},
    {"https://discord.com/api/webhooks/" TOKEN, ALERT_FORMAT_DISCORD},
    {"https://discordapp.com/api/v10/webhooks/" TOKEN "?thread_id=7", ALERT_FORMAT_DISCORD},
    {"https://discord.com/api/webhooks/" TOKEN "/slack", ALERT_FORMAT_TEXT},
    {"https://discord.com/api/webhooks/" TOKEN "/github", ALERT_FORMAT_TEXT},
    {"https://discord.com/api/webhooks/me/token", ALERT_FORMAT_TEXT},
    {"https://discord.com/api/v/webhooks/" TOKEN, ALERT_FORMAT_TEXT},
    {"https://example.com/x?y=/api/webhooks/" TOKEN, ALERT_FORMAT_NTFY},
    {"https://prod-7.westeurope.logic.azure.com:443" INVOKE "?sig=s", ALERT_FORMAT_TEAMS},
    {"https://d.api.powerplatform.com/powerautomate" INVOKE "?sig=s", ALERT_FORMAT_TEAMS},
    {"https://example.com/a/b?to=" INVOKE, ALERT_FORMAT_TEXT},
    {"https://example.com" INVOKE "/more", ALERT_FORMAT_TEXT},
    {"https://ntfy.sh/my_topic-1", ALERT_FORMAT_NTFY},
    {"http://ntfy:8080/t?auth=x", ALERT_FORMAT_NTFY},
    {"https://ntfy.sh/t?tpl=1&m=%7B%7B.text%7D%7D", ALERT_FORMAT_TEXT},
    {"https://ntfy.sh/t?template=yes&m=%7B%7B.text%7D%7D", ALERT_FORMAT_TEXT},
    {"https://ntfy.sh/t/publish", ALERT_FORMAT_TEXT},
    {"https://ntfy.sh/"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     ALERT_FORMAT_TEXT}, // longer than a topic may be
};

static void test_the_path_tells_the_receiver(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (alert_format_of(CASES[i].url) != CASES[i].format) {
            fail_msg("%s", CASES[i].url);
        }
    }
}

static const cJSON *item(const cJSON *tree, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(tree, name);
}

// Returns the sentence, where this receiver looks for it.
static const char *text_in(const cJSON *tree, enum alert_format format)
{
    if (format == ALERT_FORMAT_DISCORD) {
        return json_text(tree, "content");
    }
    if (format == ALERT_FORMAT_TEAMS) {
        const cJSON *attachment = cJSON_GetArrayItem(item(tree, "attachments"), 0);
        const cJSON *card = item(attachment, "content");
        assert_string_equal(json_text(tree, "type"), "message");
        assert_string_equal(json_text(attachment, "contentType"),
                            "application/vnd.microsoft.card.adaptive");
        assert_string_equal(json_text(card, "type"), "AdaptiveCard");
        return json_text(cJSON_GetArrayItem(item(card, "body"), 0), "text");
    }
    assert_int_equal(cJSON_GetArraySize(tree), 1); // Google Chat refuses any other member
    return json_text(tree, "text");
}

static void test_each_body_is_json_with_the_text(void **state)
{
    (void)state;
    static const char TEXT[] = "dialin: \"3\" callers \xc3\xa4\n\\ `now`";
    for (int i = ALERT_FORMAT_TEXT; i <= ALERT_FORMAT_NTFY; i++) {
        enum alert_format format = (enum alert_format)i;
        struct json_document document;
        struct bytes body;
        bytes_init(&body, 4096);
        assert_true(alert_format_write(format, VIEW(TEXT), &body));
        assert_null(json_parse(&document, bytes_view(&body)));
        assert_string_equal(text_in(document.tree, format), TEXT);
        json_release(&document);
        bytes_release(&body);
        assert_string_equal(alert_format_headers(format)[0], "Content-Type: application/json");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_path_tells_the_receiver),
        cmocka_unit_test(test_each_body_is_json_with_the_text),
    };
    return cmocka_run_group_tests_name("alert format", tests, NULL, NULL);
}
