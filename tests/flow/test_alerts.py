"""common/ship/prometheus and common/ship/grafana: each alert rings when it should and is silent when
not, asks for metrics that exist, and rings in a real Prometheus that scrapes real processes."""

import json
import re
import subprocess
import urllib.request

import pytest

import daily
from fake_start import answers
from stack import Process, free_port, wait_for
from test_metrics import TOP, names_in_readme

RULES = TOP / "common/ship/prometheus/alerts.yml"
DASHBOARD = json.loads((TOP / "common/ship/grafana/dialin.json").read_text(encoding="utf-8"))
AT_S = 1800  # when the rules are looked at
QUIET = "0x140"

# An alert, series of one sample each 15 s for which it rings, and those for which it does not.
CASES = [
    ("WebhooksRefused", {'dialin_webhooks_total{result="busy"}': "0x113 1x20"},
     {'dialin_webhooks_total{result="not_found"}': "0+1x133"}),
    ("CallersLost", {'dialin_calls_total{agent="a",outcome="expired"}': "0x113 1x20"},
     {'dialin_calls_total{agent="a",outcome="declined"}': "0+1x133"}),
    ("CallersWillBeLost", {'dialin_line_lost_forecast{agent="a"}': "3x133"},
     {'dialin_line_lost_forecast{agent="a"}': QUIET, 'dialin_line_oldest_seconds{agent="a"}': "59x133"}),
    ("CallersWillBeLost", {'dialin_line_oldest_seconds{agent="a"}': "61x133"}, {}),
    ("NeverConnected", {"dialin_never_connected_total": "0x100 1x33"},
     {"dialin_never_connected_total": "3x133"}),
    ("DailyEventsRefused", {'dialin_daily_events_total{result="queue_unavailable"}': "0x113 1x20"},
     {'dialin_daily_events_total{result="noted"}': "0+9x133",
      'dialin_daily_events_total{result="missing_signature"}': "0+1x133",
      'dialin_daily_events_total{result="invalid_signature"}': "0x113 1x20"}),
    ("DailyEventsRefused", {'dialin_daily_events_total{result="invalid_signature"}': "0x113 3x20"},
     {'dialin_daily_events_total{result="queue_unavailable"}': "1x133"}),
    ("ServiceLevelLow", {'dialin_ring_to_start_seconds_bucket{le="20"}': "0+7x133",
                         "dialin_ring_to_start_seconds_count": "0+8x133",
                         'dialin_calls_total{outcome="expired"}': "0+2x133"},
     {'dialin_ring_to_start_seconds_bucket{le="20"}': "0+9x133",
      "dialin_ring_to_start_seconds_count": "0+9x133",
      'dialin_calls_total{outcome="expired"}': "0+1x133"}),
    ("AgentRejectsUs", {'dialin_attempts_total{agent="a",result="misconfigured"}': "0x116 1x16"},
     {'dialin_attempts_total{agent="a",result="full"}': "0+1x133"}),
    ("AgentFails", {'dialin_attempts_total{agent="a",result="failed"}': "0+1x133"},
     {'dialin_attempts_total{agent="a",result="failed"}': "0x116 2x16"}),
    ("OutcomesUnknown", {'dialin_attempts_total{agent="a",result="unknown"}': "0x100 1x33"},
     {'dialin_attempts_total{agent="a",result="failed"}': "0+1x133"}),
    ("CallsRejected", {'dialin_calls_total{agent="a",outcome="invalid"}': "0x100 1x33"},
     {'dialin_calls_total{agent="a",outcome="expired"}': "0+1x133"}),
    ("NoWorker", {"dialin_workers": QUIET}, {"dialin_workers": "1x133"}),
    ("NoWorker", {}, {"dialin_workers": "2x133"}),
    ("EntriesUnread", {"dialin_entries_unread": "50x133"}, {"dialin_entries_unread": "50 0 50 0 50 0 50x100 0x20"}),
    ("Spooling", {"dialin_spool_bytes": "10x133"}, {"dialin_spool_bytes": QUIET, "dialin_spool_events_bytes": QUIET}),
    ("Spooling", {"dialin_spool_events_bytes": "10x133"}, {"dialin_spool_bytes": QUIET}),
    ("SpoolHalfFull", {'dialin_spool_bytes{instance="i"}': "6x133", 'dialin_spool_bytes_max{instance="i"}': "10x133"},
     {'dialin_spool_bytes{instance="i"}': "5x133", 'dialin_spool_bytes_max{instance="i"}': "10x133"}),
    ("SpoolHalfFull", {'dialin_spool_events_bytes{instance="i"}': "6x133",
                       'dialin_spool_events_bytes_max{instance="i"}': "10x133"},
     {'dialin_spool_events_bytes{instance="i"}': "5x133", 'dialin_spool_events_bytes_max{instance="i"}': "10x133"}),
    ("SignaturesFail", {'dialin_webhooks_total{result="invalid_signature"}': "0+1x133"},
     {'dialin_webhooks_total{result="missing_signature"}': "0+1x133"}),
    ("AccountOff", {"dialin_account_difference": "-1x133"}, {"dialin_account_difference": QUIET}),
    ("AccountNotRead", {"dialin_account_read_timestamp_seconds": "1700x133"},
     {"dialin_account_read_timestamp_seconds": "1790x133"}),
    ("RedisDown", {'dialin_redis_up{instance="i"}': QUIET}, {'dialin_redis_up{instance="i"}': "1x133"}),
    ("RedisMemory", {"dialin_redis_memory_bytes": "71x133", "dialin_redis_memory_max_bytes": "100x133"},
     {"dialin_redis_memory_bytes": "71x133", "dialin_redis_memory_max_bytes": QUIET}),
    ("ClockOff", {'dialin_clock_offset_seconds{instance="i"}': "-3x133"},
     {'dialin_clock_offset_seconds{instance="i"}': "1x133"}),
]
WEEK = 7 * 24 * 60  # in minutes
STEP = 15
SILENCE = [(f"0+100x{WEEK // STEP - 8} {100 * (WEEK // STEP - 8)}x20", True),
           (f"0+100x{WEEK // STEP + 20}", False)]


def rule(alert):
    """The file of rules with this alert alone: the others would only take time."""
    text = RULES.read_text(encoding="utf-8")
    head, *blocks = re.split(r"(?=^      - alert: )", text, flags=re.M)
    return head + next(block for block in blocks if f"alert: Dialin{alert}\n" in block)


def rules_test(rules, interval, at, alert, series, rings):
    """One file of `promtool test rules`. JSON is YAML too."""
    return json.dumps({"rule_files": [str(rules)], "evaluation_interval": interval, "tests": [{
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{
            "expr": f'count(ALERTS{{alertname="Dialin{alert}",alertstate="firing"}} > 0)',
            "eval_time": at, "exp_samples": [{"labels": "{}", "value": 1}] if rings else []}]}]})


def test_each_alert_rings_when_it_should_and_only_then(tmp_path):
    names = set(re.findall(r"alert: Dialin(\w+)", RULES.read_text(encoding="utf-8")))
    assert names == {name for name, _, _ in CASES} | {"Silence"} and len(names) == 21
    files = []

    def write(interval, at, alert, series, rings):
        rules = tmp_path / f"{alert}.yml"
        rules.write_text(rule(alert), encoding="utf-8")
        files.append(tmp_path / f"{len(files)}.yml")
        files[-1].write_text(rules_test(rules, interval, at, alert, series, rings), encoding="utf-8")
    for alert, firing, quiet in CASES:
        write("15s", f"{AT_S}s", alert, firing, True)
        if quiet:
            write("15s", f"{AT_S}s", alert, quiet, False)
    for values, rings in SILENCE:
        write(f"{STEP}m", f"{WEEK + 60}m", "Silence",
              {'dialin_webhooks_total{result="queued"}': values}, rings)
    done = subprocess.run(["promtool", "test", "rules", *map(str, files)], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", [RULES.read_text(encoding="utf-8"), json.dumps(DASHBOARD)],
                         ids=["alerts", "dashboard"])
def test_they_ask_for_metrics_that_exist(text):
    asked = {re.sub(r"_(bucket|count|sum)$", "", name)
             for name in re.findall(r"\bdialin_\w+", text)}
    assert asked and asked <= names_in_readme(), asked - names_in_readme()


def test_the_dashboard_has_twelve_panels_that_do_not_overlap():
    places = set()
    for panel in DASHBOARD["panels"]:
        box = panel["gridPos"]
        cells = {(x, y) for x in range(box["x"], box["x"] + box["w"])
                 for y in range(box["y"], box["y"] + box["h"])}
        assert not cells & places and box["x"] + box["w"] <= 24 and panel["targets"]
        places |= cells
    assert len(DASHBOARD["panels"]) == 12


class Prometheus(Process):
    """Debian's Prometheus, which scrapes these programs five times a second and evaluates these rules as often."""

    def __init__(self, folder, rules, programs):
        self.port = free_port()
        self.programs = programs
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "dialin", "static_configs": [
                {"targets": [f"127.0.0.1:{program.admin_port}" for program in programs]}]}]}))
        super().__init__("prometheus", [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}"], folder)

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def query(self, expr):
        return self.ask("query?query=" + urllib.request.quote(expr))["result"]  # 400 if it is no query

    def wait_until_it_scrapes(self):
        def scrapes_all():
            try:
                targets = self.ask("targets")["activeTargets"]
            except OSError:
                return False
            return len(targets) == len(self.programs) and all(target["health"] == "up" for target in targets)
        wait_for(scrapes_all, 40)

    def firing(self):
        return {alert["labels"]["alertname"].removeprefix("Dialin")
                for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}


def test_a_real_prometheus_evaluates_the_rules_and_panels(stack, start, tmp_path):
    programs = [stack.worker(START_URL=start.url), stack.ingress(), stack.board()]
    prometheus = stack.keep(Prometheus(tmp_path, RULES, programs))
    prometheus.wait_until_it_scrapes()
    wait_for(lambda: all(rule["health"] == "ok" for group in prometheus.ask("rules")["groups"]
                         for rule in group["rules"]), 20)
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            prometheus.query(target["expr"].replace("$__rate_interval", "1m"))
    build, = {result["metric"]["version"] for result in prometheus.query("dialin_build_info")}
    assert build


SCALE = 10
SECONDS = {"s": 1, "m": 60, "h": 3600, "w": 7 * 24 * 3600}


def scaled_rules():
    """The shipped rules, with every span a tenth as long."""
    def shorter(match):
        return f"{match[1]}{int(match[2]) * SECONDS[match[3]] * 1000 // SCALE}ms"
    text, count = re.subn(r"(\[|for: |offset )(\d+)([smhw])\b", shorter, RULES.read_text(encoding="utf-8"))
    assert count > 20
    return text


@pytest.mark.slow
def test_shipped_alerts_ring_in_a_real_prometheus(stack, ledger, start, tmp_path):
    """Real processes and the shipped rules: a webhook is refused, a caller is lost, events are refused, the
    worker ends."""
    worker = stack.worker(START_URL=start.url, HOLD_LIMIT_S="2", HOLD_GRACE_S="0")
    ingress = stack.ingress(SPOOL_DIR=str(tmp_path), DAILY_WEBHOOK_SECRET=daily.EVENTS_SECRET)
    board = stack.board()
    rules = tmp_path / "rules.yml"
    rules.write_text(scaled_rules(), encoding="utf-8")
    prometheus = stack.keep(Prometheus(tmp_path, rules, [worker, ingress, board]))
    prometheus.wait_until_it_scrapes()
    first = daily.webhook()
    assert ingress.ring(first).status == 200
    ledger.wait_for_state(first["callId"], "started")

    asked = set(re.findall(r"\bdialin_\w+", RULES.read_text(encoding="utf-8") + json.dumps(DASHBOARD)))
    wait_for(lambda: asked <= set(prometheus.ask("label/__name__/values")), 20, f"all of {asked}")
    # Since the counters of what is to come are scraped at 0, their first step is seen.
    assert prometheus.firing() & {"WebhooksRefused", "CallersLost", "NoWorker", "DailyEventsRefused"} == set()

    start.script(answers(429))
    lost = daily.webhook()
    assert ingress.ring(lost).status == 200
    assert ingress.post(b"[]", daily.headers(b"[]")).status == 400
    for _ in range(4):
        event = daily.body(daily.event("dialin.ready", "a-room"))
        answer = ingress.post(event, daily.event_headers(event, secret=daily.SECRET), path="/api/daily-events")
        assert answer.status == 401
    wait_for(lambda: {"WebhooksRefused", "CallersLost", "DailyEventsRefused"} <= prometheus.firing(), 40,
             "alerts of a refused webhook, a lost caller, and events that Daily soon ends")
    assert ledger.call(lost["callId"])["reason"] == "expired"
    assert "NoWorker" not in prometheus.firing()
    worker.terminate()
    wait_for(lambda: "NoWorker" in prometheus.firing(), 40, "an alert that no worker runs")
