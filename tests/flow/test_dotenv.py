"""tests/trial/dotenv.sh reads .env as python-dotenv does (and, in tests/compose, as Compose does), and
stops at a line that the two read differently."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = json.loads((ROOT / "tests/data/dotenv.json").read_text())


def run(path):
    env = {"PATH": os.environ["PATH"], **CASES["environment"]}
    return subprocess.run([ROOT / "tests/trial/dotenv.sh", path], env=env, capture_output=True)


@pytest.fixture
def python_reads(monkeypatch):
    for name in list(os.environ):
        if name not in CASES["environment"] and len(name) <= 2:
            monkeypatch.delenv(name)
    for name, value in CASES["environment"].items():
        monkeypatch.setenv(name, value)

    def read(path):
        # interpolate with the environment first, as load_dotenv() does without override
        from dotenv.main import DotEnv
        values = DotEnv(path, override=False, encoding="utf-8-sig").dict()
        return {name: value for name, value in values.items() if value is not None}
    return read


def parsed(output):
    return dict(pair.split("=", 1) for pair in output.decode().split("\0")[:-1])


@pytest.mark.parametrize("text, values", CASES["read"])
def test_a_file_is_read(tmp_path, python_reads, text, values):
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    done = run(path)
    assert done.returncode == 0 and not done.stderr, done
    assert parsed(done.stdout) == values
    assert python_reads(path) == values


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"\xef\xbb\xbfA=1\n")
    assert parsed(run(path).stdout) == {"A": "1"}


@pytest.mark.parametrize("text, line", CASES["refused"])
def test_a_line_that_is_not_understood_is_named(tmp_path, text, line):
    path = tmp_path / ".env"
    path.write_bytes(text.encode())
    done = run(path)
    assert done.returncode == 1 and not done.stdout, done
    assert f".env: line {line}: " in done.stderr.decode(), done
    assert "word" not in done.stderr.decode(), "a value is in the error"
