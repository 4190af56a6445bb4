"""common/ship/prometheus and common/ship/grafana: each alert rings when it should and is silent when
not, asks for metrics that exist, and a real Prometheus takes both programs' /metrics."""

import json
import re
import subprocess
import urllib.request

import pytest

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
    ("Spooling", {"dialin_spool_bytes": "10x133"}, {"dialin_spool_bytes": QUIET}),
    ("SpoolHalfFull", {'dialin_spool_bytes{instance="i"}': "6x133", 'dialin_spool_bytes_max{instance="i"}': "10x133"},
     {'dialin_spool_bytes{instance="i"}': "5x133", 'dialin_spool_bytes_max{instance="i"}': "10x133"}),
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
    assert names == {name for name, _, _ in CASES} | {"Silence"} and len(names) == 20
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


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
        return json.load(answer)["data"]


def test_a_real_prometheus_scrapes_both_and_evaluates_the_rules_and_panels(stack, start, tmp_path):
    worker, ingress = stack.worker(START_URL=start.url), stack.ingress()
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "200ms", "evaluation_interval": "200ms"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "dialin", "static_configs": [{"targets": [
            f"127.0.0.1:{worker.admin_port}", f"127.0.0.1:{ingress.admin_port}"]}]}]}))
    stack.keep(Process("prometheus", [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}"], tmp_path))

    def is_up():
        try:
            targets = ask(port, "targets")["activeTargets"]
        except OSError:
            return False
        return len(targets) == 2 and all(target["health"] == "up" for target in targets)
    wait_for(is_up, 40)
    wait_for(lambda: all(rule["health"] == "ok" for group in ask(port, "rules")["groups"]
                         for rule in group["rules"]), 20)
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", "1m")
            ask(port, "query?query=" + urllib.request.quote(expr))  # 400 if it is no query
    build, = {result["metric"]["version"] for result in
              ask(port, "query?query=dialin_build_info")["result"]}
    assert build
