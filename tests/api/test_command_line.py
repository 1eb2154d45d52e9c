"""The command line against an api elsewhere, named by MAINSPRING_URL, and what it says when that is away."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import IO, Any
from uuid import UUID

import httpx
import pytest

from mainspring.access import make_key
from mainspring.local.migrate import head
from mainspring.serving.engine import Plan
from mainspring.serving.plans import keep_plan
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.terms import JOBS
from tests.api.serving import Hands, Served
from tests.core.local_running import ROOT, cli, environment

Command = Callable[..., subprocess.CompletedProcess[str]]
REASON = "the attention of GPTNeoXForCausalLM is not known to the slots"


@pytest.fixture
def elsewhere(served: Served, key: str, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose own home is empty."""
    return environment(tmp_path / "empty", MAINSPRING_URL=served.url, MAINSPRING_API_KEY=key)


@pytest.fixture
def run(elsewhere: dict[str, str]) -> Command:
    return lambda *words, typed="", **more: cli(elsewhere | more, *words, typed=typed)


def problem(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Of a command with --json: one line on standard error, and nothing else."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    said: dict[str, Any] = json.loads(line)
    assert set(said) == {"code", "detail", "field", "remedy"}
    return said


@contextmanager
def running(settings: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mainspring", *words],
        env=settings | {"PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  a shell's background job ignores it
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def test_an_api_elsewhere_needs_a_key_of_its_own(run: Command, served: Served, assistant: UUID) -> None:
    assert "assistant@1" in run("versions", "assistant").stdout
    lacking = problem(run("jobs", "--json", MAINSPRING_API_KEY=""))
    assert (lacking["code"], lacking["field"]) == ("invalid_request", "MAINSPRING_API_KEY")
    assert served.url in lacking["detail"]
    for wrong in ("localhost:8000", "ftp://localhost", "http://", "http://\n"):
        assert problem(run("jobs", "--json", MAINSPRING_URL=wrong))["field"] == "MAINSPRING_URL"
    assert problem(run("jobs", "--json", MAINSPRING_API_KEY="ms_0_0"))["code"] == "unauthenticated"


def test_the_key_of_the_home_goes_to_no_other_api(run: Command, elsewhere: dict[str, str], key: str) -> None:
    home = Path(elsewhere["MAINSPRING_HOME"])
    home.mkdir()
    (home / "key").write_text(key)
    assert problem(run("jobs", "--json", MAINSPRING_API_KEY=""))["field"] == "MAINSPRING_API_KEY"


def test_services_are_not_given_the_command_lines_key() -> None:
    given = Settings(url="http://elsewhere", api_key="ms_0_0").as_environment()
    assert not {"MAINSPRING_URL", "MAINSPRING_API_KEY"} & given.keys()


def test_an_api_that_is_away_is_named_with_the_remedy(run: Command, served: Served, tmp_path: Path) -> None:
    served.stop()
    for words in (["jobs"], ["watch"], ["submit", "assistant", "x"], ["chat"], ["keys", "list"]):
        done = run(*words, typed="Hello.\n")
        assert done.returncode == 1
        assert f"the api at {served.url} does not answer" in done.stderr, words
        assert "MAINSPRING_URL" in done.stderr
        assert "Traceback" not in done.stderr
    assert problem(run("jobs", "--json"))["code"] == "unreachable"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "key").write_text("ms_0_0")
    own = problem(run("jobs", "--json", MAINSPRING_URL="", MAINSPRING_API_KEY=""))
    assert "mainspring up" in own["remedy"]


class _Page(BaseHTTPRequestHandler):
    """A server that is not ours: it has a page for whatever is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome</html>")

    def log_message(self, *_: Any) -> None:
        pass


def test_what_answers_may_be_something_else(run: Command) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        said = problem(run("jobs", "--json", MAINSPRING_URL=url))
        other.shutdown()
    assert said["code"] == "unreachable"
    assert f"what answers at {url} is no Mainspring api" in said["detail"]


def test_watch_goes_on_when_the_api_is_back(
    elsewhere: dict[str, str], served: Served, client: httpx.Client, assistant: UUID
) -> None:
    with running(elsewhere, "watch", "--json") as watching:
        seen = []
        for _ in range(2):
            job = client.post("/v1/jobs", json={"deployment": "assistant", "input": "x"}).json()["id"]
            seen.append(json.loads(read(watching.stdout))["id"] == job)
            served.stop()
            assert "does not answer" in read(watching.stderr)
            served.start()
        assert seen == [True, True]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0


def test_chat_says_that_the_api_went_away(
    elsewhere: dict[str, str], served: Served, assistant: UUID, hands: Hands
) -> None:
    with running(elsewhere, "chat", "assistant", "--session", "talk", "--json") as talking:
        assert talking.stdin is not None
        assert json.loads(read(talking.stdout))["event"] == "session"
        talking.stdin.write("Hello.\n")
        talking.stdin.flush()
        assert json.loads(read(talking.stdout))["event"] == "state"
        served.stop()
        said = json.loads(read(talking.stderr))
        assert (said["code"], "went away" in said["detail"]) == ("unreachable", True)
        assert "--session talk" in said["remedy"]
        assert talking.wait(20) == 1


def test_submit_says_all_that_a_job_can_be_told(run: Command, client: httpx.Client, assistant: UUID) -> None:
    words = (
        "submit",
        "assistant",
        "x",
        "--no-wait",
        "--json",
        "--subject",
        "ada",
        "--idempotency-key",
        "once",
    )
    notes = ("--metadata", "page=7", "--metadata", "note=a=b")
    receipt = json.loads(run(*words, *notes).stdout)
    assert json.loads(run(*words, *notes).stdout)["id"] == receipt["id"]
    assert client.get(f"/v1/jobs/{receipt['id']}").json()["metadata"] == {"page": "7", "note": "a=b"}
    assert problem(run(*words))["code"] == "idempotency_conflict"
    assert problem(run(*words, "--metadata", "page"))["field"] == "--metadata"


def test_whom_a_job_is_about_is_stored(run: Command, assistant: UUID, database: Database) -> None:
    assert run("submit", "assistant", "x", "--no-wait", "--subject", "ada").returncode == 0
    with database.begin() as connection:
        assert connection.exec_driver_sql("select subject from jobs").scalar() == "ada"


def test_keys_and_tenants(run: Command, served: Served) -> None:
    secret = run("keys", "make", "robot", "--tenant", "shop").stdout.strip()
    assert run("jobs", MAINSPRING_API_KEY=secret).returncode == 0
    (key,) = json.loads(run("keys", "list", "--tenant", "shop", "--json").stdout)
    assert (key["tenant"], key["scopes"]) == ("shop", ["jobs"])
    assert key["id"] in run("keys", "list", "--tenant", "shop").stdout
    assert problem(run("keys", "make", "x", "--scope", "root", "--json"))["field"] == "scopes.0"
    second = json.loads(run("keys", "rotate", key["id"], "--overlap", "0", "--json").stdout)["key"]
    assert problem(run("jobs", "--json", MAINSPRING_API_KEY=secret))["code"] == "unauthenticated"
    newest = json.loads(run("keys", "list", "--tenant", "shop", "--json").stdout)[0]["id"]
    assert json.loads(run("keys", "revoke", newest, "--json").stdout) == {"id": newest, "revoked": True}
    assert problem(run("jobs", "--json", MAINSPRING_API_KEY=second))["code"] == "unauthenticated"
    assert problem(run("keys", "rotate", newest, "--json"))["code"] == "conflict"
    run("tenants", "set", "shop", "--weight", "2", "--queue-bound", "9", "--per-minute", "5")
    changed = json.loads(run("tenants", "set", "shop", "--queue-bound", "0", "--json").stdout)
    bounds = {"weight": 2, "queue_bound": None, "running_bound": None, "per_minute": 5}
    assert changed == {"name": "shop"} | bounds
    assert changed in json.loads(run("tenants", "list", "--json").stdout)
    assert "shop" in run("tenants", "list").stdout


def test_a_tenants_own_admin_is_told_why_not(run: Command, database: Database) -> None:
    with database.transaction() as session:
        theirs = make_key(session, "shop", name="admin", scopes=[JOBS, "admin"], actor="test")
    refused = problem(run("tenants", "set", "shop", "--weight", "9", "--json", MAINSPRING_API_KEY=theirs))
    assert (refused["code"], "`default`" in refused["remedy"]) == ("forbidden", True)


def test_versions_say_why_another_engine_runs_them(
    run: Command, client: httpx.Client, assistant: UUID, database: Database
) -> None:
    with database.transaction() as session:
        for asked, machine in (("slots", "here"), ("auto", "there")):
            plan = Plan("continuous", 32, 2, "float32", reason=REASON)
            keep_plan(session, assistant, machine, asked, plan)
        keep_plan(session, assistant, "elsewhere", "slots", Plan("slots", 16, 2, "float32"))
    (version,) = client.get("/v1/deployments/assistant/versions").json()["versions"]
    assert {plan["machine"]: plan["reason"] for plan in version["plans"]} == {
        "here": REASON,
        "there": REASON,
        "elsewhere": None,
    }
    said = run("versions", "assistant").stdout
    assert f"continuous instead of slots, since {REASON}: 32 at once, 2 threads, float32" in said
    assert f"continuous, since {REASON}: 32 at once" in said
    assert "slots as asked: 16 at once" in said


def test_verbs_of_the_home_speak_json(settings: Settings, tmp_path: Path) -> None:
    mine = environment(tmp_path / "home", MAINSPRING_DATABASE_URL=settings.database_url)
    migrated = cli(mine, "migrate", "--json")
    assert json.loads(migrated.stdout) == {"from": head(), "to": head()}
    nothing = cli(mine, "down", "--json")
    assert json.loads(nothing.stdout) == {"stopped": False, "home": str(tmp_path / "home")}
    assert problem(cli(mine, "key", "--json"))["code"] == "stack"
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "key").write_text("ms_0_0\n")
    assert json.loads(cli(mine, "key", "--json").stdout) == {"key": "ms_0_0"}
