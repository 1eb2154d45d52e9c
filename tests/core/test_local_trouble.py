"""What keeps the stack from starting is said in two lines: what is wrong, and the remedy."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.local_running import PATIENT, RunningStack, cli, environment


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


def refused(settings: dict[str, str], *argv: str) -> str:
    """What the command said when it refused, without a traceback."""
    done = cli(settings, *(argv or ("up", "--no-starter")))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "problem " in done.stderr
    assert "remedy " in done.stderr
    return done.stderr


def test_a_taken_port_is_named_with_its_holder(home: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = refused(environment(home, MAINSPRING_PORT=str(port)))
    assert f"port {port} is taken by " in said
    assert f"(pid {os.getpid()})" in said
    assert f"MAINSPRING_PORT={port + 1}" in said


def test_too_little_disk(home: Path):
    said = refused(environment(home, MAINSPRING_MIN_FREE_BYTES=str(10**18)))
    assert "free at" in said
    assert "MAINSPRING_HOME" in said


def test_a_home_that_cannot_be_written(home: Path):
    home.write_text("a file is no folder")
    assert f"the home {home / 'below'} cannot be written" in refused(environment(home / "below"))


def test_a_setting_of_the_wrong_kind(home: Path):
    assert "MAINSPRING_PORT" in refused(environment(home, MAINSPRING_PORT="many"))


def test_no_key_before_the_first_start(home: Path):
    assert "mainspring up" in refused(environment(home), "key")
    assert "mainspring up" in refused(environment(home), "status")


def test_nothing_to_stop(home: Path):
    done = cli(environment(home), "down")
    assert done.returncode == 0
    assert "Nothing runs" in done.stdout


def test_already_running_says_where(home: Path):
    with RunningStack(home, {"worker": PATIENT}) as stack:
        said = refused(stack.environment)
        assert f"already runs in {home} (pid {stack.process.pid})" in said
        assert stack.state().address in said
        listed = stack.cli("status").stdout
        assert "worker" in listed
        assert str(stack.pid("postgres")) in listed


def test_data_of_another_major_version(home: Path):
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "PG_VERSION").write_text("15\n")
    assert "was written by PostgreSQL 15" in refused(environment(home))


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home: Path):
    with RunningStack(home, {}):
        pass
    (home / "postgres" / "postgresql.conf").write_text("no_such_parameter = 1\n")
    said = refused(environment(home))
    assert "postgres ended at its start (exit code 1)" in said
    assert "no_such_parameter" in said
    assert "logs/postgres.log" in said


def test_doctor_finds_the_taken_port_before_the_start(home: Path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = cli(environment(home, MAINSPRING_PORT=port), "doctor")
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stdout
