"""make run and make call, in a copy of their scripts, so that .env and .run are the test's own."""
import os
import re
import shutil
import signal
import subprocess

import pytest

import daily
import http_raw
import stack as stacks

OWN_SECRET = daily.SECRET


class Trial:
    def __init__(self, folder):
        self.root = folder / "clone"
        (self.root / "common/webhook").mkdir(parents=True)
        shutil.copytree(stacks.REPOSITORY / "tests/trial", self.root / "tests/trial")
        shutil.copy(stacks.REPOSITORY / "common/webhook/signature.h", self.root / "common/webhook")
        (self.root / "common/ship/compose").mkdir(parents=True)
        shutil.copy(stacks.MEND_AOF, self.root / "common/ship/compose")
        self.log = folder / "log"
        self.port = stacks.free_port()
        self.env = {"PATH": os.environ["PATH"], "BUILD": str(stacks.build_folder()), "PORT": str(self.port),
                    "ADMIN_PORT": "0", "BOARD_PORT": str(stacks.free_port()), "AGENT_PORT": str(stacks.free_port())}
        self.child = None

    def dotenv(self, text):
        (self.root / ".env").write_text(text)

    def start(self):
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([self.root / "tests/trial/run.sh"], env=self.env, stdout=log,
                                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        stacks.wait_for(lambda: "ready;" in self.said() or self.child.poll() is not None, 20, "make run is ready")
        return self.said()

    def said(self):
        return self.log.read_text()

    def call(self, *args):
        return subprocess.run([self.root / "tests/trial/call.sh", *args], env=self.env, capture_output=True,
                              text=True, timeout=30)

    def takes(self, secret):
        body = daily.body(daily.webhook())
        answer = stacks.wait_for(lambda: self.posted(body, daily.headers(body, secret)), 10, "an answer")
        return answer.status == 200

    def posted(self, body, headers):
        try:
            return http_raw.ask(self.port, "POST", "/api/dial", headers, body)
        except OSError:
            return None

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(30) if self.child else None


@pytest.fixture
def trial(tmp_path):
    trial = Trial(tmp_path)
    yield trial
    trial.end()


def test_the_demonstration_runs_by_itself(trial):
    said = trial.start()
    assert "this is the demonstration" in said
    done = trial.call("--count", "2")
    assert done.returncode == 0 and re.search(r"started +2\n", done.stdout), done
    assert trial.end() == 0


@pytest.mark.parametrize("line", [f"export PINLESS_HMAC_SECRET = {OWN_SECRET}",
                                  f'  PINLESS_HMAC_SECRET="{OWN_SECRET}" # mine',
                                  "PINLESS_HMAC_SECRET_FILE=secret"])
def test_a_secret_of_ones_own_ends_the_demonstration(trial, line):
    (trial.root / "secret").write_text(OWN_SECRET)
    trial.dotenv(line + "\n")
    said = trial.start()
    assert "this is the demonstration" not in said
    assert "WARNING: a stand-in agent takes the calls and connects nobody" in said
    assert not trial.takes(daily.DEMONSTRATION_SECRET)
    assert trial.takes(OWN_SECRET)
    done = trial.call()
    assert done.returncode == 0, done


@pytest.mark.parametrize("line", ["START_URL=http://127.0.0.1:9/start", "export AGENT_NAME=mine",
                                  "START_URL_FILE=url", "PIPECAT_CLOUD_API_KEY = pk", "DAILY_API_KEY='dk'",
                                  "INGRESS_API_KEY=key-of-ones-own-1234"])
def test_the_public_secret_never_signs_beside_a_setting_of_ones_own(trial, line):
    (trial.root / "url").write_text("http://127.0.0.1:9/start")
    trial.dotenv(line + "\nDEMO_SECRET=allowed\n")
    said = trial.start()
    assert "this is the demonstration" not in said
    assert "stand-in agent" not in said or "INGRESS" in line
    if line.startswith("INGRESS"):
        assert not trial.takes(daily.DEMONSTRATION_SECRET)
    else:
        stacks.wait_for(lambda: trial.child.poll() is not None, 20, "the end of what cannot start")
        assert "PINLESS_HMAC_SECRET: is not set" in trial.said() or "worker: " in trial.said()


def test_a_line_that_is_not_understood_stops_the_start(trial):
    trial.dotenv("LOG_LEVEL=info\nPINLESS_HMAC_SECRET: " + OWN_SECRET + "\n")
    said = trial.start()
    assert trial.end() == 1
    assert ".env: line 2: " in said and "nothing was started" in said
    assert OWN_SECRET not in said
    assert not (trial.root / ".run").exists()


def test_make_call_reads_the_file_as_make_run_does(trial):
    trial.start()
    trial.dotenv("A=1\n\nnot understood\n")
    done = trial.call()
    assert done.returncode == 1 and ".env: line 3: " in done.stderr and not done.stdout, done


def test_the_environment_wins_over_the_file(trial):
    trial.dotenv(f"PINLESS_HMAC_SECRET={daily.OTHER_SECRET}\n")
    trial.env["PINLESS_HMAC_SECRET"] = OWN_SECRET
    trial.start()
    assert trial.takes(OWN_SECRET) and not trial.takes(daily.OTHER_SECRET)


def test_a_call_where_nothing_runs_says_so(trial):
    (trial.root / "bin").mkdir()
    docker = trial.root / "bin/docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    trial.env["PATH"] = f"{trial.root}/bin:{os.environ['PATH']}"
    done = trial.call()
    assert done.returncode == 1 and "nothing is running here" in done.stderr, done
