"""A producer's commands against a real stack."""

import json
import subprocess
import sys

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
