"""Receivers of alerts that are as strict as their documentation and sources: what they do not take gets
their error, and `shown` holds what people would read.

Slack: docs.slack.dev, "Sending messages using incoming webhooks", and the errors of its changelog of
2016-05-17. Discord: discord/discord-api-docs, docs/resources/webhook.mdx. Google Chat: an answer that
pydantic/logfire#1540 quotes. Teams: MicrosoftDocs/msteams-docs#11302 and the connector's reference.
ntfy: server/server.go and server/util.go at 81a486a. Mattermost: server/public/model/incoming_webhook.go.
PagerDuty: Events API v2."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from chat import Chat
from fake_start import answers


def slack(body, request):
    del request
    if not isinstance(body.get("text"), str) or not body["text"]:
        return 400, b"no_text", None
    return 200, b"ok", body["text"]


def google_chat(body, request):
    unknown = set(body) - {"text", "thread", "cardsV2"}
    if unknown:
        return 400, b'{"error":{"code":400,"status":"INVALID_ARGUMENT"}}', None
    return slack(body, request)


def discord(body, request):
    del request
    content = body.get("content")
    if not content:
        return 400, b'{"message":"Cannot send an empty message","code":50006}', None
    if not isinstance(content, str) or len(content) > 2000:
        return 400, b'{"message":"Invalid Form Body","code":50035}', None
    return 204, b"", content


def teams(body, request):
    """Takes anything with 202: a flow that fails shows nothing, and nobody hears of it."""
    del request
    attachments = body.get("attachments")
    if body.get("type") != "message" or not isinstance(attachments, list):
        return 202, b"", None
    card = attachments[0]["content"]
    if attachments[0]["contentType"] != "application/vnd.microsoft.card.adaptive" or card["type"] != "AdaptiveCard":
        return 202, b"", None
    return 202, b"", "".join(block["text"] for block in card["body"] if block["type"] == "TextBlock")


def ntfy(body, request):
    """Headers before the query, as its readParam."""
    url = urlsplit(request.path)
    if not re.fullmatch(r"/[-_A-Za-z0-9]{1,64}", url.path):
        return 404, b'{"code":40401,"http":404,"error":"page not found"}', None
    query = parse_qs(url.query)

    def param(*names):
        values = [request.header(name) for name in names] + [query.get(name, [None])[0] for name in names]
        return next((value for value in values if value), "")
    if param("x-template", "template", "tpl").lower() not in ("1", "yes", "true"):
        return 200, b"{}", request.body.decode()  # as it came, JSON and all

    def fill(template):
        return re.sub(r"\{\{ *\.(\w+) *\}\}", lambda match: str(body[match[1]]), template)
    message = fill(param("x-message", "message", "m"))
    assert len(message.encode()) <= 4096
    return 200, b"{}", f"{fill(param('x-title', 'title', 't'))}: {message}"


def pagerduty(body, request):
    del request
    if not {"routing_key", "event_action", "payload"} <= set(body):
        return 400, b'{"status":"invalid event","message":"Event object is invalid"}', None
    return 202, b"{}", body["payload"]["summary"]


class Receiver(Chat):
    """`takes` judges each request, at `path`."""

    def __init__(self, takes, path):
        self.takes, self.path, self.shown = takes, path, []
        super().__init__()
        self.script(self.judge)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{self.path}"

    def judge(self, exchange):
        assert exchange.request.header("Content-Type") == "application/json"
        status, answer, shown = self.takes(json.loads(exchange.request.body), exchange.request)
        if shown is not None:
            self.shown.append(shown)
        answers(status, answer)(exchange)
