"""Routes for a campaign: half of the callers are looked up first, all move on to a second agent (some
after a while, some when the forecast says so), and who is lost all the same is called back. Two in three callers ring once; the
others share a few numbers, so that some are served, or called back, while another call of theirs holds.
"""

import json
import zlib

SHARED_NUMBERS = 20
CUES = [{"probability": 0.05, "status": 503}, {"probability": 0.05, "status": 204},
        {"probability": 0.03, "reset": True}, {"probability": 0.03, "garbage": "cut"},
        {"probability": 0.1, "status": 200, "delay_ms": 800},
        {"probability": 0.05, "status": 200, "body": json.dumps({"body": {"tier": "gold"}, "priority_s": 2})}]


class Routes:
    CALLBACK_S = 20
    SECOND_POOL, SECOND_AFTER_S = 4, 4

    def __init__(self, stack, folder, of_events):
        self.second = stack.agent("--pool", str(self.SECOND_POOL), "--session-ms", "1000",
                                  "--latency-ms", "50", "--keep", "1000000", *of_events)
        self.crm = stack.agent("--pool", "100000", "--session-ms", "1", "--latency-ms", "5")
        self.crm.control(cues=CUES)
        callback = {"within_s": self.CALLBACK_S, "to": ["+1*"]}
        lookup = {"url": self.crm.url, "secret_env": "CRM_SECRET", "timeout_ms": 500}
        path = folder / "routes.json"
        path.write_text(json.dumps({"agents": {"second": {"start_url": self.second.url}}, "routes": [
            {"name": "looked-up", "share": 50, "lookup": lookup, "callback": callback,
             "overflow": [{"after_s": "forecast", "agent": "second"}]},
            {"name": "all", "callback": callback,
             "overflow": [{"after_s": self.SECOND_AFTER_S, "agent": "second"}]}]}))
        self.values = {"ROUTES_FILE": path, "CRM_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}

    @staticmethod
    def parties(call_id):
        """Always the same for a call: its webhook may be sent twice."""
        number = zlib.crc32(call_id.encode())
        is_shared = number % 3 == 0
        return {"From": f"+1415{number // 3 % SHARED_NUMBERS if is_shared else 1000 + number % 8999000:07}"}

    @staticmethod
    def report(seen):
        ended = [event for event in seen.events if event["event"] == "overflow"]
        looked = sum(event["event"] == "lookup" for event in seen.events)
        return (f"lookups {looked}, overflowed {len(ended)}, call backs {seen.counts.get('callbacks', 0)}, of them "
                f"dead {seen.counts.get('dead:callback', 0)}, served meanwhile {seen.counts.get('dead:served', 0)}")
