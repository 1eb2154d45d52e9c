"""A version's folder becomes an engine in another process, or a refusal in plain words."""

from contextlib import ExitStack
from pathlib import Path

import httpx

from mainspring.errors import LoadingFailed, ModelRefused
from mainspring.settings import Settings
from workers.remote import calls
from workers.remote.engine import HttpEngine
from workers.remote.server import Given, Vllm

_ANSWER_SECONDS = 30.0  # for a given server to be up


def load_remote(path: Path, settings: Settings, url: str = "") -> HttpEngine:
    """On the server at `url`, else at the settings' one, else on one that is started. Raises ModelRefused, LoadingFailed."""
    server = _server(path, settings, (url or settings.engine_url).rstrip("/"))
    with ExitStack() as undo:
        undo.callback(server.stop)  # else the next try would start another server beside it
        if isinstance(server, Vllm):
            server.wait()
        served = calls.served(server.url, server.key, path.absolute())
        undo.pop_all()
    return HttpEngine(server, served, hang_seconds=settings.hang_seconds)


def _server(path: Path, settings: Settings, url: str) -> Given | Vllm:
    if url:
        if not calls.wait_until_well(url, _ANSWER_SECONDS):
            raise LoadingFailed(
                "the inference server does not answer",
                remedy=f"Start it, or check the engine's address: {url}/health must answer.",
            )
        return Given(url, _key(url, settings))
    if settings.vllm_command:
        return Vllm(path.absolute(), settings)
    raise ModelRefused(
        "the engine `vllm` is asked for, and this worker has no command to start it",
        remedy="Set MAINSPRING_VLLM_COMMAND to the program `vllm`, or to the Python that has it, and restart the "
        "worker; or deploy with --engine-url.",
    )


def _key(url: str, settings: Settings) -> str:
    """Not for any other host than the operator's own, where there is one: a policy may name any address."""
    theirs, given = httpx.URL(settings.engine_url), httpx.URL(url)
    same = (theirs.scheme, theirs.netloc) == (given.scheme, given.netloc)
    return settings.engine_key if same or not settings.engine_url else ""
