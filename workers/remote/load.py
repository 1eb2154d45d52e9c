"""A version's folder becomes an engine in another process, or a refusal in plain words."""

from pathlib import Path

from mainspring.errors import ModelRefused
from mainspring.settings import Settings
from workers.remote import calls
from workers.remote.engine import HttpEngine
from workers.remote.server import Given, Vllm

_ANSWER_SECONDS = 30.0  # for a given server to be up


def available(task: str, settings: Settings) -> bool:
    return task == "text-generation" and bool(settings.engine_url or settings.vllm_command)


def load_remote(path: Path, settings: Settings) -> HttpEngine:
    """On the server at `engine_url`, or on one that is started for this version. Raises ModelRefused."""
    server = _given(settings.engine_url) if settings.engine_url else Vllm(path.absolute(), settings)
    try:
        if isinstance(server, Vllm):
            server.wait()
        served = calls.served(server.url, server.key, path.absolute())
    except ModelRefused:
        server.stop()
        raise
    return HttpEngine(server, served, hang_seconds=settings.hang_seconds)


def _given(url: str) -> Given:
    url = url.rstrip("/")
    if not calls.wait_until_well(url, _ANSWER_SECONDS):
        raise ModelRefused(
            "the inference server does not answer",
            remedy=f"Start it, or check MAINSPRING_ENGINE_URL: {url}/health must answer.",
        )
    return Given(url)
