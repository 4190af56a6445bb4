"""Daily's events in a campaign: the agents tell what became of their sessions, by way of Daily, and some
callers come over a SIP trunk and hang up while they wait.

Daily here is a proxy before the ingresses: it hands each event to one of them, late, twice, or by telling
the agent that it failed though it did not; what an ingress has acknowledged is remembered. At the end each
call must have the verdict of the events that were acknowledged, whatever died in between.
"""

import collections
import http.server
import json
import random
import threading
import time

import daily
import http_raw

CONNECT_LIMIT_S = 3
TRUNK_SHARE, HANGS_UP_SHARE = 0.2, 0.5
LATE_SHARE, TWICE_SHARE, UNTOLD_SHARE = 0.1, 0.1, 0.05
LATE_S, HANGS_UP_S = 3, 8  # at most
KINDS = {"dialin.connected": "connected", "dialin.stopped": "ended", "dialout.answered": "connected",
         "dialout.stopped": "ended"}
TRUNK = "trunk-"


class Daily:
    """The way of the events to the ingresses."""

    def __init__(self, campaign, seed):
        self.campaign = campaign
        self.chance = random.Random(seed)
        self.acknowledged = collections.defaultdict(dict)  # room: {id: kind}
        self.hung_up = {}  # call id: when its caller hung up
        self.lock = threading.Lock()
        self.threads, self.is_stopped = [], False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.handle_error = lambda *_: None  # the agent, stopped for a while, has hung up
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def handler(self):
        way = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = [(name, value) for name, value in self.headers.items()
                           if name.lower() in ("content-type", "x-webhook-timestamp", "x-webhook-signature")]
                status = way.bring(headers, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    @property
    def arguments(self):
        """Of dialin-agent."""
        return ["--events-url", f"http://127.0.0.1:{self.server.server_port}/", "--events-secret", daily.EVENTS_SECRET]

    def bring(self, headers, body):
        with self.lock:
            is_late, is_twice, is_untold = (self.chance.random() < share for share in
                                            (LATE_SHARE, TWICE_SHARE, UNTOLD_SHARE))
            late_s = self.chance.uniform(0, LATE_S) * is_late
        time.sleep(late_s)
        told = [self.hand_over(headers, body) for _ in range(2 if is_twice else 1)]
        return 502 if is_untold or 200 not in told else 200

    def hand_over(self, headers, body):
        ingress = self.chance.choice(self.campaign.ingresses)
        try:
            status = http_raw.ask(ingress.port, "POST", "/api/daily-events", headers, body, timeout_s=10).status
        except (OSError, AssertionError):
            return 502
        event = json.loads(body)
        if status == 200:
            with self.lock:
                self.acknowledged[event["payload"]["room"]][event["id"]] = KINDS[event["type"]]
        return status

    # --- callers of a trunk ---------------------------------------------------------------------------

    def is_trunk(self, call_id):
        return call_id.startswith(TRUNK)

    def request(self, call_id, parties):
        """Of a caller who rings over the trunk: body, headers, path."""
        body = daily.body(daily.trunk_call(call_id.removeprefix(TRUNK), **{"from": parties.get("From", daily.FROM)}))
        return body, daily.trunk_headers(body), "/api/sip-trunk"

    def may_hang_up(self, call_id):
        """After a while, unless the caller talks by then."""
        with self.lock:
            does, after_s = self.chance.random() < HANGS_UP_SHARE, self.chance.uniform(0, HANGS_UP_S)
        if not self.is_trunk(call_id) or not does:
            return
        thread = threading.Thread(target=self.hang_up, args=(call_id, after_s))
        self.threads.append(thread)
        thread.start()

    def hang_up(self, call_id, after_s):
        time.sleep(after_s)
        room = call_id.removeprefix(TRUNK)
        if self.acknowledged.get(room):
            return
        self.hung_up[call_id] = time.time()
        event = daily.event("dialin.stopped", room)
        while not self.is_stopped:
            body = daily.body(event)
            if self.bring(daily.event_headers(body), body) == 200:
                return
            time.sleep(0.2)

    def wait_until_told(self, agents, ledger, wait_for):
        """Every event that was posted is acknowledged, and has been read."""
        def are_read():
            key = ledger.key("daily")
            groups = ledger.client.xinfo_groups(key)
            return groups and groups[0]["pending"] == 0 and \
                groups[0]["last-delivered-id"] == ledger.client.xinfo_stream(key)["last-generated-id"]
        for thread in self.threads:
            thread.join(60)
        wait_for(lambda: all(agent.get("/control")["events"]["left"] == 0 for agent in agents), 90,
                 "every event to be acknowledged")
        wait_for(are_read, 60, "every event to be read")

    def close(self):
        self.is_stopped = True
        self.server.shutdown()
        self.server.server_close()


class Verdicts:
    """Has each call what its events say? `say` takes a call's id and a sentence."""

    def __init__(self, acknowledged, seen, say):
        self.acknowledged, self.seen, self.say = acknowledged, seen, say
        self.verdicts = collections.Counter()
        self.talked = [0, 0]  # calls, seconds
        told = collections.Counter((event["call_id"], event["event"]) for event in seen.events)
        for call_id, call in seen.calls.items():
            self.verdicts[call.get("verdict", "")] += 1
            if "talked_s" in call:
                self.talked = [self.talked[0] + 1, self.talked[1] + int(call["talked_s"])]
            if call.get("state") == "started":
                self.check_started(call_id, call, told)
        self.check_counts()

    def check_started(self, call_id, call, told):
        room = call.get("room_url", "").rstrip("/").rpartition("/")[2]
        kinds = collections.Counter(self.acknowledged.get(room, {}).values())
        expected = "connected" if kinds["connected"] and not kinds["ended"] else "ended" if kinds["ended"] else ""
        if expected and call.get("verdict") != expected:
            self.say(call_id, f"has the verdict {call.get('verdict')}, its events say {expected}: {dict(kinds)}")
        if not expected and call.get("verdict") not in (None, "never_connected"):
            self.say(call_id, f"has the verdict {call['verdict']}, and no event was acknowledged")
        for name in ("connected", "ended"):
            if told[call_id, name] != kinds[name]:
                self.say(call_id, f"{kinds[name]} events say {name}, the audit has {told[call_id, name]}")
        if bool(kinds["connected"] and kinds["ended"]) != ("talked_s" in call):
            self.say(call_id, f"talked for {call.get('talked_s')}, its events are {dict(kinds)}")

    def check_counts(self):
        counts = self.seen.counts
        for verdict in ("connected", "ended", "failed", "never_connected"):
            if counts.get(f"verdict:{verdict}", 0) != self.verdicts[verdict]:
                self.say(None, f"{counts.get(f'verdict:{verdict}', 0)} calls are counted as {verdict}, "
                               f"{self.verdicts[verdict]} records say so")
        if [counts.get("talked", 0), counts.get("talked_s", 0)] != self.talked:
            self.say(None, f"{counts.get('talked', 0)} conversations of {counts.get('talked_s', 0)} s are counted, "
                           f"the records have {self.talked}")

    def report(self):
        abandoned = sum(call.get("reason") == "abandoned" for call in self.seen.calls.values())
        never = sum(event["event"] == "never_connected" for event in self.seen.events)
        return (f"verdicts: {', '.join(f'{name or None} {count}' for name, count in self.verdicts.most_common())}; "
                f"never connected at some time {never}; hung up {len(self.seen.hung_up)}, abandoned {abandoned}")
