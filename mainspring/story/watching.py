"""Reads the drift's evidence over and over while traffic flows: what the detectors say keeps one value a span alone."""

import threading
from typing import Any, Self

import httpx

from mainspring.client import Client, Refused
from mainspring.story.figures import Evidence

EVERY = 0.3  # seconds


class Watcher:
    """`with` it a thread reads. `evidence`: of each detector that can raise an alarm, when it was given more requests, until
    they begin anew, as they do after an alarm."""

    def __init__(self, api: Client, deployment: str, version: str) -> None:
        self.evidence: list[Evidence] = []
        self._api, self._deployment, self._version = api, deployment, version
        self._over, self._seen = threading.Event(), 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> dict[str, Any]:
        """The version's drift as it stands; empty before it answers clients."""
        return of_version(self._api.drift(self._deployment), self._version)

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            try:
                seen = self.look()
            except (Refused, httpx.HTTPError):
                continue
            watched = int(seen.get("watched", 0))
            if watched < self._seen:
                return
            self._seen = watched
            self._keep(seen)

    def _keep(self, seen: dict[str, Any]) -> None:
        known = {(one.detector, one.requests) for one in self.evidence}
        for reading in seen.get("readings", []):
            detector = name(reading)
            if reading["threshold"] is None or (detector, reading["requests"]) in known:
                continue
            self.evidence.append(
                Evidence(reading["requests"], reading["value"], reading["threshold"], detector)
            )


def name(found: dict[str, Any]) -> str:
    """Of a reading or an alarm: the detector, with the part of the traffic that it looks at."""
    return f"{found['detector']} · {found['segment']}" if found["segment"] else str(found["detector"])


def of_version(drift: dict[str, Any], version: str) -> dict[str, Any]:
    return next((one for one in drift["versions"] if one["version"] == version), {})
