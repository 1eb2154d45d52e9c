"""Workers that die, freeze or are told to stop, and messages that vanish."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.faults.recovery import LONG, PROMPT, killed_worker, lost_message, until_running
from tests.faults.stack import Stack

OTHER_WORKER = [
    "celery",
    "-A",
    "workers.infer",
    "worker",
    "-P",
    "threads",
    "-c",
    "16",
    "-Q",
    "infer",
    "-n",
    "other@%h",
    "--without-gossip",
    "--without-mingle",
    "--without-heartbeat",
]


def test_a_killed_workers_jobs_are_answered_within_20_seconds(stack: Stack) -> None:
    with stack.client() as client:
        seconds = killed_worker(stack, client)
    assert seconds, "the worker died before it had claimed anything"
    assert max(seconds) < 20


def test_a_lost_message_costs_less_than_10_seconds(stack: Stack) -> None:
    with stack.client() as client:
        assert lost_message(stack, client) < 10


@pytest.mark.timeout(120)
def test_a_worker_that_froze_past_its_lease_changes_nothing(stack: Stack) -> None:
    """It is stopped while it generates; another one answers; it wakes, and the job still has that one answer."""
    frozen = stack.pid("infer")
    with stack.client() as client:
        job_id = client.submit("assistant", f"{PROMPT} frozen", **LONG)["id"]
        until_running(client, job_id)
        os.kill(frozen, signal.SIGSTOP)
        other = subprocess.Popen(
            [sys.executable, "-m", *OTHER_WORKER],
            env=stack.environment(),
        )
        try:
            answered = client.result(job_id, 60)
            assert (answered["state"], answered["attempt"]) == ("succeeded", 2)
        finally:
            os.kill(frozen, signal.SIGCONT)
        # It is back when it answers again: stop the other one, and ask.
        other.send_signal(signal.SIGTERM)
        other.wait(timeout=60)
        assert (
            client.result(client.submit("assistant", PROMPT, max_tokens=4)["id"], 60)["state"] == "succeeded"
        )
        assert stack.pid("infer") == frozen
        assert client.result(job_id) == answered
    log = log_of(stack, "infer")
    assert "life.ended" in log
    assert "job.fenced" in log or "job.stopped" in log


def test_sigterm_finishes_what_runs(stack: Stack) -> None:
    """A restart of the worker, as in a deployment: no attempt is lost, the jobs end."""
    with stack.client() as client:
        jobs = [client.submit("assistant", f"{PROMPT} {number}", **LONG)["id"] for number in range(6)]
        until_running(client, jobs[0])
        stack.kill("infer", signal.SIGTERM)
        assert {client.result(job)["state"] for job in jobs} == {"succeeded"}
        assert client.result(jobs[0])["attempt"] == 1


def test_cancel_stops_a_running_generation(stack: Stack) -> None:
    with stack.client() as client:
        job_id = client.submit("assistant", f"{PROMPT} cancelled", **LONG)["id"]
        until_running(client, job_id)
        assert client.cancel(job_id)["state"] == "cancelled"
        ended = client.result(job_id)
        assert ended["state"] == "cancelled"
        assert "output" not in ended


def test_a_stream_that_is_cut_and_resumed_equals_the_output(stack: Stack) -> None:
    """Ten times, at another place each; in the fifth the api is killed in between."""
    cuts = 0
    for number in range(40):
        job_id = submit_long(stack, number)
        pieces, last = read(stack, job_id, None, cuts + 1)
        if last is None or last.endswith(".end"):
            continue  # the answer was shorter than that: another one
        cuts += 1
        if cuts == 5:
            stack.kill("api")
        rest, _ = read(stack, job_id, last, None)
        assert "".join(pieces + rest) == stored(stack, job_id)
        if cuts == 10:
            return
    raise AssertionError(f"only {cuts} answers were long enough to be cut")


def submit_long(stack: Stack, number: int) -> str:
    with stack.client() as client:
        return str(client.submit("assistant", f"{PROMPT} {number}", **LONG)["id"])


def stored(stack: Stack, job_id: str) -> str:
    """The output's text, asked for until the api is back."""
    until = time.monotonic() + 60
    while True:
        try:
            with stack.client() as client:
                return str(client.result(job_id)["output"]["text"])
        except httpx.TransportError:
            assert time.monotonic() < until, "the api did not come back"
            time.sleep(0.1)


def read(stack: Stack, job_id: str, last: str | None, most: int | None) -> tuple[list[str], str | None]:
    """Texts of at most so many token events, then the connection is cut; None: until `done`."""
    pieces: list[str] = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if last is not None and last.endswith(".end"):
            return pieces, last  # it was over before it could be cut
        try:
            with stack.client() as client:
                for event in client.stream(job_id, last):
                    last = event["id"]
                    if event["event"] == "token":
                        pieces.append(event["data"]["text"])
                    if event["event"] == "done" or len(pieces) == most:
                        return pieces, last
        except httpx.TransportError:
            time.sleep(0.1)  # the api is being restarted
    raise AssertionError("the stream did not end")


def log_of(stack: Stack, service: str) -> str:
    return (stack.settings.home / "logs" / f"{service}.log").read_text()
