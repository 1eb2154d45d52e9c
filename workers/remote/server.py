"""The inference server itself: an address that is given, or `vllm serve` as a child, watched and started again."""

import contextlib
import os
import shlex
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from subprocess import Popen, TimeoutExpired
from threading import Event, Thread
from time import monotonic

from mainspring.errors import ModelRefused
from mainspring.local.restarts import Restarts
from mainspring.local.service import Service, last_lines, launch
from mainspring.logs import log
from mainspring.settings import Settings
from workers.remote import calls

START_SECONDS = 900.0  # large weights on their first start, with compilation
MOST_DEATHS = 5  # in a row, until it is given up
_LOOK_SECONDS = 0.1
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Given:
    """A server that someone else runs."""

    url: str
    key: str = ""
    coming: bool = False

    def stop(self) -> None:
        """It is not ours to stop."""


class Vllm:
    """`vllm serve FOLDER` on a free port of this host, for its worker only: it asks for a key that nobody else has.

    One thread starts it and outlives it, for on Linux a child gets its stop signal when the thread that
    started it dies: so it ends with the worker, however that ends.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.url, self.key = "", token_urlsafe(24)
        self._folder, self._settings = folder, settings
        self._restarts = Restarts()
        self._was_well, self._well, self._given_up, self._stopping = Event(), False, Event(), Event()
        self._thread = Thread(target=self._keep, name="vllm", daemon=True)
        self._thread.start()

    @property
    def coming(self) -> bool:
        return not (self._well or self._given_up.is_set() or self._stopping.is_set())

    @property
    def log(self) -> Path:
        return self._settings.home.absolute() / "logs" / f"vllm-{self._folder.name[:20]}-{os.getpid()}.log"

    def wait(self) -> None:
        """Until it answers for the first time. Raises ModelRefused when it ends instead."""
        while not self._was_well.wait(_LOOK_SECONDS):
            if self._given_up.is_set():
                log.error("vllm.refused", log=str(self.log), end=last_lines(self.log))
                raise ModelRefused(
                    "vLLM cannot serve this version",
                    remedy=f"Its reasons are in {self.log}. Check MAINSPRING_VLLM_COMMAND and the memory.",
                )

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * _STOP_SECONDS)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            began = monotonic()
            if not self._live() or self._stopping.is_set():
                break
            self._restarts = self._restarts.died(lived=monotonic() - began)
            log.error("vllm.died", deaths=self._restarts.total, delay=self._restarts.delay)
            if self._restarts.streak >= MOST_DEATHS or not self._was_well.is_set():
                break
            self._stopping.wait(self._restarts.delay)
        self._given_up.set()

    def _live(self) -> bool:
        """One life of the server, from its start to its end. False: it could not be started at all."""
        port = _free_port()
        try:
            process = launch(self._service(port))
        except OSError:
            return False
        url = f"http://127.0.0.1:{port}"
        try:
            well = calls.wait_until_well(url, START_SECONDS, given_up=lambda: self._ended(process))
            if well:
                self.url, self._well = url, True
                self._was_well.set()
                log.info("vllm.ready", url=url)
                while not self._ended(process):
                    self._stopping.wait(_LOOK_SECONDS)
        finally:
            self._well = False
            _end(process)
        return True

    def _ended(self, process: Popen[bytes]) -> bool:
        return self._stopping.is_set() or process.poll() is not None

    def _service(self, port: int) -> Service:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        argv = command(self._settings.vllm_command, self._folder, port)
        given = environment(self._settings, self.key)
        # Not in the model's folder: `python -m` would import what lies there.
        return Service("vllm", tuple(argv), given, self.log, cwd=self.log.parent)


def command(how: str, folder: Path, port: int) -> list[str]:
    """`how`: vLLM's program, or the Python that has it, and options for `serve` behind it."""
    words = shlex.split(how)
    options = next((index for index, word in enumerate(words) if word.startswith("--")), len(words))
    program = words[:options]
    if len(program) == 1 and Path(program[0]).name.startswith("python"):
        program += ["-m", "vllm.entrypoints.cli.main"]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    # No weights that can run code; and no defaults from the folder for what a request leaves out.
    ours = ["--load-format", "safetensors", "--generation-config", "vllm"]
    return [*program, "serve", str(folder), *where, *ours, *words[options:]]


def environment(settings: Settings, key: str) -> dict[str, str]:
    """This process's, without Mainspring's own secrets. What is set there already goes before ours."""
    inherited = {k: v for k, v in settings.as_environment().items() if not k.startswith("MAINSPRING_")}
    gigabytes = max(1, settings.kv_cache_bytes >> 30)
    ours = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": str(gigabytes)}
    return ours | inherited | {"VLLM_API_KEY": key}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _end(process: Popen[bytes]) -> None:
    """And all that it started: vLLM's engine is a process of its own, in the group that its parent leads."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(TimeoutExpired):
            process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
