"""Docker Compose reads a .env file as tests/trial/dotenv.sh does; tests/flow/test_dotenv.py has the rest."""
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = json.loads((ROOT / "tests/data/dotenv.json").read_text())


@pytest.mark.parametrize("text, values", CASES["read"])
def test_compose_reads_the_same(tmp_path, text, values):
    names = [name for name in values if re.fullmatch(r"\w+", name) and name not in CASES["environment"]]
    (tmp_path / ".env").write_bytes(text.encode())
    (tmp_path / "docker-compose.yml").write_text(json.dumps({
        "services": {"x": {"image": "x", "environment": {name: f"${{{name}}}" for name in names}}}}))
    env = {key: value for key, value in os.environ.items() if len(key) > 2}
    done = subprocess.run(["docker", "compose", "config", "--format", "json"], cwd=tmp_path, check=True,
                          env={**env, **CASES["environment"]}, capture_output=True, text=True)
    read = json.loads(done.stdout)["services"]["x"].get("environment") or {}
    # `config` doubles dollars, so that its output can be read again.
    assert {name: value.replace("$$", "$") for name, value in read.items()} == \
        {name: values[name] for name in names}
