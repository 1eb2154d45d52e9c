"""The embedded stack lives through what machines and people do to it. Real servers, stand-ins for our services."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from mainspring.endpoints import redis_url
from mainspring.local import postgres, valkey
from mainspring.local.migrate import current, head
from mainspring.settings import Settings
from tests.core.local_running import PATIENT, STUBBORN, RunningStack, gone


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


def test_ctrl_c_leaves_no_process_and_the_key_survives(home: Path):
    with RunningStack(home, {"worker": PATIENT}) as stack:
        tree = stack.tree()
        key = stack.cli("key").stdout
        assert {one.name for one in stack.state().services} == {"valkey", "postgres", "worker"}
        assert stack.stop(signal.SIGINT) == 0
        assert gone(tree, 0)
    assert (home / "key").stat().st_mode & 0o777 == 0o600
    before = time.monotonic()
    with RunningStack(home, {}) as stack:
        assert time.monotonic() - before < 15
        assert stack.cli("key").stdout == key


def test_what_dies_is_started_again(home: Path):
    with RunningStack(home, {"worker": PATIENT}) as stack:
        for name in ("worker", "valkey", "postgres"):
            before = stack.pid(name)
            os.kill(before, signal.SIGKILL)
            stack.until(f"{name} died (killed by SIGKILL)")
            stack.until(f"{name} runs again")
            deadline = time.monotonic() + 20
            while name == "postgres" and not postgres.answers(stack.home):
                assert time.monotonic() < deadline
            assert stack.pid(name) != before
        assert [one.restarts for one in stack.state().services if one.name == "worker"] == [1]
        assert valkey.answers(str(stack.home.sockets / "valkey.sock"))


def test_a_killed_supervisor_takes_its_children_along(home: Path):
    with RunningStack(home, {"worker": PATIENT}) as stack:
        tree = stack.tree()
        stack.process.kill()
        assert gone(tree)
    with RunningStack(home, {}):  # its pid file is stale, and no obstacle
        pass


def test_what_outlives_a_killed_supervisor_is_stopped_at_the_next_start(home: Path):
    with RunningStack(home, {"stubborn": STUBBORN}) as stack:
        survivor = psutil.Process(stack.pid("stubborn"))
        stack.process.kill()
        stack.process.wait()
        assert survivor.is_running()
        assert "left behind: of a run that was cut off: stubborn" in stack.cli("doctor").stdout
    with RunningStack(home, {}) as stack:
        assert any("stopped what it left behind: " in line and "stubborn" in line for line in stack.said)
        assert gone([survivor], 0)


def test_a_pid_that_is_another_process_by_now_is_left_alone(home: Path):
    with RunningStack(home, {}) as stack:
        written = stack.home.processes.read_text().replace(str(stack.pid("valkey")), str(os.getpid()))
    stack.home.processes.write_text(written)
    (home / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}/postgres\n1\n5432\n\n\n\n")
    with RunningStack(home, {}):
        pass  # and this process is still alive to say so


def test_a_second_ctrl_c_stops_at_once(home: Path):
    with RunningStack(home, {"stubborn": STUBBORN}) as stack:
        tree = stack.tree()
        stack.process.send_signal(signal.SIGINT)
        stack.until("Stopping")
        started = time.monotonic()
        assert stack.stop(signal.SIGINT) == 0
        assert time.monotonic() - started < 3.5  # its patience would have been 4 seconds
        assert gone(tree, 2)


def test_two_homes_side_by_side_and_one_stops(home: Path):
    with RunningStack(home, {}) as first, RunningStack(home.with_name("other"), {}) as second:
        assert first.pid("postgres") != second.pid("postgres")
        assert "Stopped." in first.cli("down").stdout
        assert postgres.answers(second.home)
        assert second.cli("status", "--json").returncode == 0
        assert first.cli("status").returncode == 1


def test_a_home_with_a_long_path_and_odd_characters(home: Path):
    with RunningStack(home / ("long " * 25 + "& 100% +"), {}) as stack:
        assert stack.home.sockets.parent == Path("/tmp")
        settings = Settings(home=stack.home.path)
        assert current(settings) == head()
        assert Redis.from_url(redis_url(settings)).ping()
    assert not stack.home.sockets.exists()
    with RunningStack(home.with_name("a b+%&c"), {}) as stack:
        assert stack.home.sockets == stack.home.run
        settings = Settings(home=stack.home.path)
        assert current(settings) == head()
        assert Redis.from_url(redis_url(settings)).ping()
