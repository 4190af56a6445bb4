"""Flow tests: real processes, a private real Redis, real sockets.

Run with: python3 -m pytest tests/flow. DIALIN_BUILD names the folder of the programs (default:
build). Redis is shared by all tests, each with a prefix of its own; a test that stops or kills Redis
starts one of its own. Tests of one module may share programs (`shared`), with call ids of their
own.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))

import pytest

pytest.register_assert_rewrite("ledger", "stack", "http_raw")

from audit import Audit
from authority import Authority
from chat import Chat
from fake_daily import FakeDaily
from fake_start import FakeStart
from ledger import Ledger, new_prefix
from spool_disk import build_shim
from stack import Redis, Stack, build_folder


def pytest_collection_modifyitems(items):
    """The slow tests first, so that a failure in them is not waited for at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_sessionstart():
    missing = [name for name in ("dialin-ingress", "dialin-worker", "dialin-board",
                              "dialin-agent")
               if not (build_folder() / name).exists()]
    if missing:
        pytest.exit(f"not in {build_folder()}: {', '.join(missing)}; run make", returncode=3)


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes several seconds, by the contract's deadlines")


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("session"))
    yield server
    server.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the logs of the programs beside a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for name in ("stack", "shared"):
            stack = getattr(item, "funcargs", {}).get(name)
            for process in getattr(stack, "processes", []):
                report.sections.append((f"log of {process.name}", process.tail()))


def fail_on(troubles):
    if troubles:
        pytest.fail("\n\n".join(troubles), pytrace=False)


@pytest.fixture
def stack(tmp_path, redis):
    """The programs of one test; they are ended, and their logs looked through, behind it."""
    made = Stack(tmp_path, redis, new_prefix())
    yield made
    fail_on(made.close())


@pytest.fixture(scope="module")
def shared(tmp_path_factory, redis):
    """The programs that the tests of one module share."""
    made = Stack(tmp_path_factory.mktemp("shared"), redis, new_prefix())
    yield made
    fail_on(made.close())


@pytest.fixture(autouse=True)
def no_sanitizer_reports(request):
    """Names the test in which a shared program first complained."""
    yield
    if "shared" in request.fixturenames:
        fail_on(request.getfixturevalue("shared").complaints())


@pytest.fixture
def ledger(request, redis):
    """The records of this test's stack, or of its module's."""
    name = "stack" if "stack" in request.fixturenames else "shared"
    made = request.getfixturevalue(name)

    class StackLedger(Ledger):
        @property
        def client(self):
            return made.redis.client
    return StackLedger(redis, made.prefix)


@pytest.fixture
def own(stack):
    """A Redis of this test's own, which it may stop."""
    return stack.own_redis(fsync="always")


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """A disk that fails under a spool (spool_disk.under)."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def folder(tmp_path):
    """Of a spool."""
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture
def start():
    server = FakeStart()
    yield server
    server.close()


@pytest.fixture
def audit(stack):
    return Audit(stack)


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture
def phone(authority):
    """Daily."""
    server = FakeDaily(authority)
    yield server
    server.close()


@pytest.fixture
def agents():
    """Agents by their names, made when they are first asked for."""
    made = {}

    def agent(name):
        if name not in made:
            made[name] = FakeStart()
        return made[name]
    yield agent
    for server in made.values():
        server.close()


@pytest.fixture
def routes(tmp_path):
    path = tmp_path / "routes.json"

    def write(*routes, **agents):
        text = json.dumps({"agents": agents, "routes": list(routes)}, indent=1)
        (tmp_path / "routes.new").write_text(text)
        (tmp_path / "routes.new").rename(path)
        return path
    return write


@pytest.fixture
def chat():
    """Takes alerts, as Slack does."""
    server = Chat()
    yield server
    server.close()


@pytest.fixture
def watched(stack, start, chat):
    """Starts a worker that tells `chat`."""
    def run(**values):
        return stack.worker(**{"START_URL": start.url, "ALERT_URL": chat.url, "HOLD_LIMIT_S": "1",
                               "HOLD_GRACE_S": "0", **values})
    return run
