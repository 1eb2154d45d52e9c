"""Mainspring's own processes. The servers that they speak to are in valkey.py and postgres.py."""

import http.client
import sys
from dataclasses import replace
from pathlib import Path

import mainspring
from mainspring.local.home import Home
from mainspring.local.service import Service
from mainspring.settings import Settings

BEAT, API, WORKERS = 0, 1, 2  # the order of stopping: nothing new is begun, asked for, answered
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def address(settings: Settings) -> str:
    """Where a browser on this machine finds the api."""
    return f"http://{_bracketed(_reachable(settings.host))}:{settings.port}"


def services(settings: Settings) -> list[Service]:
    """In the order of starting: the api, then the workers, then beat."""
    threads = str(settings.infer_threads)
    return [
        _api(settings),
        _worker(settings, "infer", "-P", "threads", "-c", threads),
        # Its detectors multiply small matrices, for which a second thread costs more than it gives.
        _worker(settings, "ops", "-P", "threads", "-c", "4", OPENBLAS_NUM_THREADS="1"),
        # One process a training run, so that its memory goes back; and behind the answers in priority.
        _worker(settings, "train", "-P", "prefork", "-c", "1", "--max-tasks-per-child", "1", nice=10),
        _beat(settings),
    ]


def _api(settings: Settings) -> Service:
    argv = ("uvicorn", "--factory", "api.app:create", "--host", settings.host, "--port", str(settings.port))
    # Streams resume with Last-Event-ID, so a stop need not wait for their ends.
    rest = ("--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "3")
    # Longer than the minute for which load balancers and clients keep a connection that nobody uses.
    patience = ("--timeout-keep-alive", "75")
    return _service(
        settings,
        "api",
        (*argv, *rest, *patience),
        stop_rank=API,
        stop_seconds=8.0,
        ready=lambda: healthy(settings),
        address=address(settings),
    )


def _worker(settings: Settings, name: str, *pool: str, nice: int = 0, **environment: str) -> Service:
    argv = ("celery", "-A", f"workers.{name}", "worker", *pool, "-Q", name, "-n", f"{name}@%h", *QUIET)
    patience = settings.drain_seconds + 5
    made = _service(settings, name, argv, stop_rank=WORKERS, stop_seconds=patience, nice=nice)
    return replace(made, env={**made.env, **environment})


def _beat(settings: Settings) -> Service:
    # The schedule is in the code and each entry may run twice: it needs no file of its own.
    argv = ("celery", "-A", "workers.ops", "beat", "-S", "workers.schedule.Punctual")
    return _service(settings, "beat", argv, stop_rank=BEAT)


def _service(settings: Settings, name: str, module_argv: tuple[str, ...], **given: object) -> Service:
    home = Home(settings.home)
    return Service(
        name=name,
        argv=(sys.executable, "-m", *module_argv),
        env=_environment(settings),
        log=home.log(name),
        cwd=home.run,
        **given,  # type: ignore[arg-type]
    )


def _environment(settings: Settings) -> dict[str, str]:
    """A checkout that is not installed is found too, wherever the child runs."""
    # Passive: threads of torch that wait for each other sleep, instead of taking the cores from who serves.
    environment = settings.as_environment() | {"PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    root = Path(mainspring.__file__).parent.parent
    if root.name not in {"site-packages", "dist-packages"}:
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}:{inherited}" if inherited else str(root)
    return environment


def healthy(settings: Settings, *, path: str = "/healthz", seconds: float = 2.0) -> bool:
    """Whether the api answers. Standard library only: the command line has to start fast."""
    connection = http.client.HTTPConnection(_reachable(settings.host), settings.port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """An api that listens everywhere is asked on loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104  read, not bound


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
