"""`mainspring doctor`: what could be wrong, one finding a line. A stack that is not running is no problem."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis
from sqlalchemy.exc import SQLAlchemyError

from mainspring.endpoints import database_url, redis_url
from mainspring.errors import StackError
from mainspring.local import checks, claim, folders, migrate, postgres, survivors, valkey
from mainspring.local.home import Home
from mainspring.local.records import ServiceState
from mainspring.local.services import address, healthy
from mainspring.settings import Settings

ASK_TORCH = (
    "import torch; c = torch.cuda; "
    "print(torch.__version__, 'on', c.get_device_name() if c.is_available() else 'the CPU')"
)
TAIL_BYTES = 64 * 1024
SIGNS_OF_TROUBLE = ('"level": "error"', '"level": "critical"', "PANIC:", "Traceback (most recent")


@dataclass(frozen=True)
class Finding:
    """`verdict`: ok, note (worth knowing) or problem (then with a remedy)."""

    about: str
    verdict: str
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Each finding as soon as it is known."""
    home = Home(settings.home)
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", version)
    yield _asked("Valkey's program", valkey.binary)
    yield _asked("PostgreSQL's programs", lambda: str(postgres.binaries()))
    yield _asked("home", lambda: folders.prepare(home))
    yield _asked("disk", lambda: checks.disk(settings))
    yield _asked("memory", checks.memory)
    yield _asked("traces", lambda: checks.traces(settings))
    yield _torch()
    state = claim.state(home)
    if state is None:
        yield Finding("stack", "note", "not running; start it with `mainspring up`")
        yield _asked("port", lambda: checks.port(settings))
        yield _survivors(home)
    else:
        yield Finding("stack", "ok", f"{state.phase} at {state.address}, pid {state.supervisor.pid}")
        yield from _running(settings, state.services)
    yield from _logs(home)


def _asked(about: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(about, "ok", check())
    except StackError as error:
        return Finding(about, "problem", error.detail, error.remedy or "")


def _torch() -> Finding:
    """In a process of its own: importing it takes seconds and most of our processes must not."""
    found = subprocess.run([sys.executable, "-c", ASK_TORCH], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return Finding("torch", "ok", found.stdout.strip())
    lines = found.stderr.strip().splitlines()
    return Finding(
        "torch",
        "problem",
        f"cannot be imported: {lines[-1] if lines else found.returncode}",
        "Install what the workers need: make install, or pip install 'mainspring[gpu]'",
    )


def _survivors(home: Home) -> Finding:
    left = ", ".join(f"{record.name} (pid {record.pid})" for record in survivors.find(home))
    if left:
        return Finding("left behind", "problem", f"of a run that was cut off: {left}", "mainspring down")
    return Finding("left behind", "ok", "nothing of an earlier run")


def _running(settings: Settings, services: list[ServiceState]) -> Iterator[Finding]:
    yield _schema(settings)
    yield _redis(settings)
    if healthy(settings):
        yield Finding("api", "ok", f"answers at {address(settings)}")
    else:
        yield Finding(
            "api", "problem", f"does not answer at {address(settings)}", "See logs/api.log in the home."
        )
    for service in services:
        if service.state in ("running", "starting"):
            verdict = "note" if service.restarts else "ok"
            yield Finding(service.name, verdict, f"pid {service.pid}, restarts: {service.restarts}")
        else:
            yield Finding(service.name, "problem", f"{service.state} after a death", f"See {service.log}")


def _schema(settings: Settings) -> Finding:
    try:
        found = migrate.current(settings)
    except SQLAlchemyError as error:
        return Finding(
            "database", "problem", f"does not answer ({type(error).__name__})", "See logs/postgres.log."
        )
    head = migrate.head()
    if found != head:
        return Finding(
            "database", "problem", f"schema is {found}, the code's is {head}", "Restart `mainspring up`."
        )
    return Finding("database", "ok", f"answers, schema {found}: {database_url(settings).partition('@')[2]}")


def _redis(settings: Settings) -> Finding:
    client = redis.Redis.from_url(redis_url(settings), socket_timeout=2, socket_connect_timeout=2)
    try:
        client.ping()
    except redis.RedisError as error:
        return Finding(
            "valkey", "problem", f"does not answer ({type(error).__name__})", "See logs/valkey.log."
        )
    finally:
        client.close()
    return Finding("valkey", "ok", f"answers: {redis_url(settings).partition('@')[2] or redis_url(settings)}")


def _logs(home: Home) -> Iterator[Finding]:
    """The last sign of trouble of each log; it may be of an earlier run."""
    for log in sorted(home.logs.glob("*.log")):
        end = log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").splitlines()
        signs = [line for line in end if any(sign in line for sign in SIGNS_OF_TROUBLE)]
        if signs:
            yield Finding(
                f"logs/{log.name}", "note", f"{len(signs)} lines of trouble, the last: {signs[-1][:200]}"
            )
