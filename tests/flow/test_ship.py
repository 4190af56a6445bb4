"""What is shipped beside the programs speaks of settings, ports and limits that the programs have: the
units of systemd, the manifest of Kubernetes, the manual pages and the completion."""

import pathlib
import re
import subprocess

import pytest
import yaml

from stack import build_folder

SHIP = pathlib.Path(__file__).parents[2] / "common/ship"
PROGRAMS = ("ingress", "worker", "board")
DRAIN_TIMEOUT_S = 80  # the default of a worker: START_TIMEOUT_S + 5


def settings_of(stack, program):
    text = stack.run(f"dialin-{program}", "--help").stdout
    return set(re.findall(r"^  ([A-Z][A-Z0-9_]+) \(default ", text, re.MULTILINE))


def manifest():
    documents = list(yaml.safe_load_all((SHIP / "kubernetes/dialin.yaml").read_text()))
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


@pytest.mark.parametrize("kind, program", [("StatefulSet", "ingress"), ("Deployment", "worker")])
def test_the_manifest_names_settings_and_ports_that_are(stack, kind, program):
    objects = manifest()
    workload = objects[(kind, f"dialin-{program}")]
    pod = workload["spec"]["template"]["spec"]
    container, = pod["containers"]
    known = settings_of(stack, program)
    assert {row["name"] for row in container["env"]} <= known
    shared = set(objects[("ConfigMap", "dialin")]["data"])
    assert shared <= settings_of(stack, "ingress") | settings_of(stack, "worker")
    help_text = stack.run(f"dialin-{program}", "--help").stdout
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert f"ADMIN_PORT (default {ports['admin']})" in help_text
    assert "webhooks" not in ports or f"  PORT (default {ports['webhooks']})" in help_text
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}
    assert workload["spec"]["selector"]["matchLabels"] == workload["spec"]["template"]["metadata"]["labels"]
    disruption = objects[("PodDisruptionBudget", f"dialin-{program}")]["spec"]
    assert disruption["selector"]["matchLabels"] == workload["spec"]["selector"]["matchLabels"]


def test_nobody_is_killed_while_he_drains():
    objects = manifest()
    worker = objects[("Deployment", "dialin-worker")]["spec"]["template"]["spec"]
    assert worker["terminationGracePeriodSeconds"] > DRAIN_TIMEOUT_S
    ingress = objects[("StatefulSet", "dialin-ingress")]["spec"]
    lame_duck_s, = [int(row["value"]) for row in ingress["template"]["spec"]["containers"][0]["env"]
                    if row["name"] == "LAME_DUCK_S"]
    assert ingress["template"]["spec"]["terminationGracePeriodSeconds"] >= lame_duck_s + 30
    spool, = ingress["volumeClaimTemplates"]
    mounted, = ingress["template"]["spec"]["containers"][0]["volumeMounts"]
    assert spool["metadata"]["name"] == mounted["name"]
    unit = (SHIP / "systemd/dialin-worker.service").read_text()
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[1]) > DRAIN_TIMEOUT_S


def test_the_autoscaler_never_goes_below_two(stack, start):
    scaler = manifest()[("HorizontalPodAutoscaler", "dialin-worker")]["spec"]
    assert scaler["minReplicas"] >= 2 and scaler["metrics"][0]["pods"]["target"]["averageValue"] == "60"
    metrics = stack.worker(START_URL=start.url).metrics()
    assert {"dialin_calls_in_work", "dialin_calls_in_work_max"} <= set(metrics)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_unit_starts_its_program_as_nobody_in_particular(stack, program):
    unit = (SHIP / f"systemd/dialin-{program}.service").read_text()
    assert f"ExecStart=/usr/bin/dialin-{program}\n" in unit
    for line in ("Type=notify", "User=dialin", "NoNewPrivileges=yes", "ProtectSystem=strict",
                 "CapabilityBoundingSet=", "EnvironmentFile=/etc/dialin/dialin.env"):
        assert f"\n{line}\n" in unit
    names = set(re.findall(r"^Environment=([A-Z_]+)=", unit, re.MULTILINE))
    assert names <= settings_of(stack, program)


def test_the_environment_file_names_settings_only(stack):
    names = set(re.findall(r"^#([A-Z_]+)=", (SHIP / "systemd/dialin.env").read_text(), re.MULTILINE))
    assert names and names <= settings_of(stack, "ingress") | settings_of(stack, "worker")


@pytest.mark.parametrize("program, section", [("dialin-audit", "1"), ("dialin-ingress", "8"), ("dialin-worker", "8")])
def test_a_manual_page_says_what_help_says(stack, program, section):
    page = subprocess.run([SHIP / "man/make_page", build_folder() / program, section, "1.2.3"], check=True,
                          capture_output=True, text=True).stdout
    assert page.startswith(f'.TH {program.upper()} {section} "" "dialin 1.2.3"')
    plain = page.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")
    for name in re.findall(r"^  ([A-Z][A-Z0-9_]+ \(default [^\n]*?\))  ", stack.run(program, "--help").stdout, re.MULTILINE):
        assert f".B {name}\n" in plain
    if program == "dialin-audit":
        assert ".SS list\n" in plain and ".B --since TIME\n" in plain


def test_the_completion_knows_every_command_and_flag():
    script = subprocess.run([SHIP / "completion/make_completion", build_folder() / "dialin-audit"], check=True,
                            capture_output=True, text=True).stdout

    def complete(*words):
        asked = (f"{script}\nCOMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _dialin_audit; "
                 "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return subprocess.run(["bash", "-c", asked], check=True, capture_output=True, text=True).stdout.split()
    assert complete("dialin-audit", "li") == ["list"]
    assert "forget" in complete("dialin-audit", "''")
    assert complete("dialin-audit", "list", "--si") == ["--since"]


# --- docker-compose.yml ---------------------------------------------------------------------------

@pytest.fixture(scope="module")
def compose_file():
    return yaml.safe_load((SHIP.parents[1] / "docker-compose.yml").read_text())


def test_compose_has_a_name_and_each_image_a_tag(compose_file):
    assert compose_file["name"] == "dialin"
    for name, service in compose_file["services"].items():
        tag = service["image"].partition(":")[2]
        assert tag and "latest" not in tag, name
        if "build" in service or service["image"].startswith("dialin-"):
            assert tag == "${DIALIN_TAG:-0.1.0}" and service["pull_policy"] in ("never", "build"), name


def test_compose_reaches_a_bot_on_this_machine(compose_file):
    """From wherever an agent is asked: the worker, and the audit's replay and doctor."""
    for name in ("worker", "audit"):
        assert compose_file["services"][name]["extra_hosts"] == ["host.docker.internal:host-gateway"]


def test_compose_hands_each_secret_as_a_file(compose_file):
    services = compose_file["services"]
    assert set(services["setup"]["secrets"]) == set(compose_file["secrets"])
    for name, secret in compose_file["secrets"].items():
        variable = name if name.startswith("TLS_") else f"{name}_FILE"
        assert secret["file"] == f"${{{variable}:-common/ship/compose/unset}}"
    for name, service in services.items():
        environment = service.get("environment") or {}
        assert not set(environment) & set(compose_file["secrets"]) - {"TLS_CERT", "TLS_KEY"}, name


def test_compose_starts_tools_and_admin_ports_only_when_asked(compose_file):
    profiles = {name: service["profiles"] for name, service in compose_file["services"].items()
                if "profiles" in service}
    assert profiles.pop("admin") == ["admin"]
    assert profiles == dict.fromkeys(("caller", "audit", "redis-cli"), ["tools"])
