"""ALERT_URL: what each receiver that the README names shows, by receivers as strict as their sources."""

import re

import pytest

import receivers
from chat import lose_one, told, wait_until_told
from fake_start import answers
from stack import wait_for

SENTENCE = r"dialin \S+: 1 caller has been lost since .*raise its pool\."
INVOKE = "/workflows/0f3a/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers&sig=a-secret"


@pytest.fixture
def receiver(request):
    server = receivers.Receiver(*request.param)
    yield server
    server.close()


@pytest.mark.parametrize("receiver, shown", [
    ((receivers.slack, "/services/T000/B000/a-secret"), SENTENCE),
    ((receivers.slack, "/hooks/a-secret"), SENTENCE),  # Mattermost and Rocket.Chat ask for the same
    ((receivers.google_chat, "/v1/spaces/AAAA/messages?key=a-secret&token=b"), SENTENCE),
    ((receivers.discord, "/api/webhooks/1184/a-secret_-"), SENTENCE),
    ((receivers.discord, "/api/v10/webhooks/1184/a-secret?thread_id=12"), SENTENCE),
    ((receivers.slack, "/api/webhooks/1184/a-secret/slack"), SENTENCE),
    ((receivers.teams, INVOKE), SENTENCE),
    ((receivers.ntfy, "/a_secret-topic"), "dialin: " + SENTENCE),
    ((receivers.ntfy, "/topic?auth=QmFz"), "dialin: " + SENTENCE),
    ((receivers.ntfy, "/topic?tpl=1&t=Ops&m=%7B%7B.text%7D%7D"), "Ops: " + SENTENCE),
], indirect=["receiver"], ids=["slack", "mattermost", "google-chat", "discord", "discord-v10", "discord-slack",
                              "teams", "ntfy", "ntfy-auth", "ntfy-template"])
def test_people_read_the_sentence(ledger, start, stack, receiver, shown):
    start.script(answers(429))
    worker = stack.worker(START_URL=start.url, ALERT_URL=receiver.url, HOLD_LIMIT_S="1", HOLD_GRACE_S="0")
    lose_one(ledger)
    wait_until_told(ledger, "callers_lost")
    text, = receiver.shown
    assert re.fullmatch(shown, text), text
    assert not re.search(rb"a[-_]secret", worker.log())


@pytest.mark.parametrize("receiver", [(receivers.pagerduty, "/v2/enqueue")], indirect=True, ids=["pagerduty"])
def test_one_that_wants_more_is_named_in_the_log(ledger, start, stack, receiver):
    start.script(answers(429))
    worker = stack.worker(START_URL=start.url, ALERT_URL=receiver.url, HOLD_LIMIT_S="1", HOLD_GRACE_S="0")
    lose_one(ledger)
    line = wait_for(lambda: [line for line in worker.log_lines() if "alert could not be sent" in line], 30)[0]
    assert "status=400" in line and f"host=127.0.0.1:{receiver.port}" in line
    assert told(ledger, "callers_lost") == "failed" and receiver.shown == []
