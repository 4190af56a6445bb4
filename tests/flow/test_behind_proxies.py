"""Behind nginx and haproxy no request gets two answers, and no neighbour's request is swallowed.

Each smuggling vector goes through each proxy beside genuine webhooks on the same and on other
connections, all of which share the proxy's connections to the ingress. The hidden webhook asks for
a path that the proxy refuses: wherever it arrives in the stream, it was smuggled.
"""

import threading

import pytest

import daily
from http_raw import Connection
from proxies import PROXIES, Successor, nginx
from stack import wait_for
from vectors import HIDDEN_PATH, VECTORS, Webhook

TIMEOUT_S = 5


class Front:
    """A proxy before an ingress, with two clients whose connections stay open."""

    def __init__(self, proxy, ledger):
        self.proxy = proxy
        self.ledger = ledger
        self.neighbours = [Connection(proxy.port, TIMEOUT_S) for _ in range(2)]
        self.hidden = set()
        self.last_entry = "0-0"

    def close(self):
        for neighbour in self.neighbours:
            neighbour.socket.close()

    def new_entries(self):
        """The call ids of what came into the stream since the last look."""
        found = self.ledger.client.xrange(self.ledger.key("webhooks"), f"({self.last_entry}")
        if found:
            self.last_entry = found[-1][0].decode()
        return [fields[b"call_id"].decode() for _, fields in found]


@pytest.fixture(scope="module")
def ingress(shared):
    return shared.ingress(LOG_LEVEL="error")


@pytest.fixture(scope="module")
def fronts(shared, ingress):
    """Proxies by name, started when the first test wants them."""
    made = {}
    yield made
    for front in made.values():
        front.close()
        smuggled = front.hidden & {fields["call_id"].decode()
                                   for _, fields in front.ledger.entries()}
        assert not smuggled, f"smuggled, and only seen later: {smuggled}"


@pytest.fixture
def front(request, shared, ingress, fronts, ledger):
    name = request.param
    if name not in fronts:
        fronts[name] = Front(shared.keep(PROXIES[name](shared.folder, ingress.port)), ledger)
    fronts[name].new_entries()
    return fronts[name]


def is_answered(answer, webhook):
    return answer is not None and answer.status == 200 and \
        answer.json()["call_id"] == webhook.call_id


def check_answered(connection, webhook):
    answer = connection.read_answer()
    assert is_answered(answer, webhook), (webhook.call_id, answer)


def ask_all(neighbours):
    """A genuine webhook on each connection, all under way at once; gives back the webhooks."""
    webhooks = [Webhook("neighbour") for _ in neighbours]
    for neighbour, webhook in zip(neighbours, webhooks):
        neighbour.send(webhook.bytes)
    for neighbour, webhook in zip(neighbours, webhooks):
        check_answered(neighbour, webhook)
    return webhooks


def read_final(connection, to_head=False):
    """The next answer; a 100 before it is none."""
    while (answer := connection.read_answer(to_head)) is not None and answer.status < 200:
        assert answer.status == 100, answer
    return answer


def follow(connection, webhook):
    """Sends a genuine webhook behind the vector: the answers up to its own or to the end of the
    connection, and whether its own was among them."""
    connection.send_if_open(webhook.bytes)
    answers = []
    while (answer := read_final(connection)) is not None:
        if is_answered(answer, webhook):
            return answers, True
        answers.append(answer)
    return answers, False


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("front", PROXIES, indirect=True)
def test_nothing_is_smuggled(front, name):
    outer, hidden = Webhook("outer"), Webhook("hidden", HIDDEN_PATH)
    behind = Webhook("behind")
    front.hidden.add(hidden.call_id)
    early = [Webhook("early") for _ in front.neighbours]
    with Connection(front.proxy.port, TIMEOUT_S) as attacker:
        for neighbour, webhook in zip(front.neighbours, early):
            neighbour.send(webhook.bytes)
        attacker.send_if_open(VECTORS[name](outer, hidden))
        for neighbour, webhook in zip(front.neighbours, early):
            check_answered(neighbour, webhook)
        first = read_final(attacker, to_head="HEAD" in name)
        genuine = early + ask_all(front.neighbours)
        more, is_behind_answered = follow(attacker, behind) if first else ([], False)
    if not is_behind_answered:  # the connection was closed before it: a client asks again
        with Connection(front.proxy.port, TIMEOUT_S) as again:
            again.send(behind.bytes)
            check_answered(again, behind)
    genuine += [behind] + ask_all(front.neighbours)

    queued = front.new_entries()
    assert hidden.call_id not in queued, "the hidden webhook was served"
    assert first is not None, "the vector got no answer"
    # By the proxy's reading the hidden one, and what is left behind it, may be requests of their
    # own: then the proxy itself refuses them.
    assert [answer.status for answer in more] in ([], [400], [403], [403, 400]), more
    assert all(answer.header("Content-Type") == "text/html" for answer in more), more
    assert first.status != 200 or is_answered(first, outer), first
    expected = [webhook.call_id for webhook in genuine]
    expected += [outer.call_id] if first.status == 200 else []
    assert sorted(queued) == sorted(expected)


# --- without a proxy -----------------------------------------------------------------------------

# By every server's reading these headers have nothing to do with framing, or the body's end is
# beyond doubt: the hidden webhook is the next request, and is answered as such.
PIPELINED = {
    "TE underscore, in a chunk", "TE content-encoding, in a chunk", "CL underscore",
    "CL 0 and another with an underscore", "chunks: trailer", "chunks: length as a trailer",
    "chunks: encoding as a trailer", "chunks: many zeros in the last chunk", "head: pipelined",
    "head: pipelined, chunked", "head: Expect and no body",
}


# libmicrohttpd 1.0 hangs up on these without a word.
UNANSWERED = {"head: empty lines in front"}


@pytest.mark.parametrize("name", [name for name in VECTORS if name not in PIPELINED])
def test_nothing_is_smuggled_without_a_proxy(ingress, ledger, name):
    """As some proxy might pass it on: what that proxy may take for a body is never served."""
    outer, hidden, behind = Webhook("outer"), Webhook("hidden", HIDDEN_PATH), Webhook("behind")
    expected = [behind.call_id]
    key = ledger.key("webhooks")
    with daily.known_connection(ingress.port, TIMEOUT_S) as attacker:
        last = ledger.client.xrevrange(key, count=1)
        since = f"({last[0][0].decode()}"
        attacker.send_if_open(VECTORS[name](outer, hidden))
        first = read_final(attacker, to_head="HEAD" in name)
        attacker.send_if_open(behind.bytes)
        while behind.call_id.encode() not in attacker.rest and attacker.receive():
            pass
        is_behind_answered = behind.call_id.encode() in attacker.rest
    if not is_behind_answered:
        with Connection(ingress.port, TIMEOUT_S) as again:
            again.send(behind.bytes)
            check_answered(again, behind)
    assert first is not None or name in UNANSWERED, "the vector got no answer"
    if first is not None and first.status == 200:
        assert is_answered(first, outer), first
        expected.append(outer.call_id)
    queued = [fields[b"call_id"].decode() for _, fields in ledger.client.xrange(key, since)]
    assert sorted(queued) == sorted(expected)


# --- early refusals ------------------------------------------------------------------------------

@pytest.mark.parametrize("status, length, is_signed", [(413, 70000, True), (401, 60000, False)])
@pytest.mark.parametrize("front", PROXIES, indirect=True)
def test_a_refusal_arrives_though_the_body_was_not_read(front, status, length, is_signed):
    """Who closes a connection with unread bytes in it resets it: the proxy, still sending, then
    makes 502 or nothing of the answer. It is a race, so it is run several times."""
    for _ in range(30):
        data = Webhook("long").head(b"Content-Length: %d" % length, is_signed=is_signed)
        with Connection(front.proxy.port, TIMEOUT_S) as connection:
            connection.send_if_open(data + b" " * length)
            answer = read_final(connection)
        assert answer is not None and answer.status == status, answer


# --- a rolling deploy ----------------------------------------------------------------------------

class Caller(threading.Thread):
    """Rings through the proxy, one webhook after the other, until it is told to stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.is_told_to_stop = threading.Event()
        self.statuses = []
        self.acknowledged = []
        self.start()

    def run(self):
        with Connection(self.port) as connection:
            while not self.is_told_to_stop.is_set():
                webhook = Webhook("rolling")
                connection.send(webhook.bytes)
                answer = connection.read_answer()
                self.statuses.append(answer.status if answer else None)
                if not is_answered(answer, webhook):
                    return
                self.acknowledged.append(webhook.call_id)

    def wait_for_more(self):
        """Until it has rung a few times more, or has stopped because an answer was wrong."""
        goal = len(self.statuses) + 20
        wait_for(lambda: len(self.statuses) >= goal or not self.is_alive(), 10, "the caller")


@pytest.mark.parametrize("is_keeping_connections", [False, True])
def test_a_rolling_deploy_loses_no_caller(stack, ledger, is_keeping_connections):
    ingresses = [stack.ingress(LOG_LEVEL="error") for _ in range(2)]
    proxy = stack.keep(nginx(stack.folder, [ingress.port for ingress in ingresses],
                             is_keeping_connections=is_keeping_connections))
    callers = [Caller(proxy.port) for _ in range(4)]
    try:
        for ingress in ingresses:
            ingress.terminate()
            assert ingress.wait() == 0
            callers[0].wait_for_more()
            stack.keep(Successor(stack.folder, stack.values({}), ingress.port))
            callers[0].wait_for_more()
    finally:
        for caller in callers:
            caller.is_told_to_stop.set()
        for caller in callers:
            caller.join(20)
    statuses = [status for caller in callers for status in caller.statuses]
    assert set(statuses) == {200}, statuses[-20:]
    acknowledged = [call_id for caller in callers for call_id in caller.acknowledged]
    queued = [fields["call_id"].decode() for _, fields in ledger.entries()]
    assert sorted(queued) == sorted(acknowledged)
