"""Processes that compile passes for a worker: a figure is taken when none runs."""

import time

import psutil

_MODULE = "workers.gpu.slotted.compiling"
_BETWEEN_SECONDS = 8.0  # what was made is loaded before the next one starts


def wait() -> bool:
    """Until none has run for a while. True: one did."""
    ran, calm_since = False, time.monotonic()
    while time.monotonic() - calm_since < _BETWEEN_SECONDS:
        if _running():
            ran, calm_since = True, time.monotonic()
        time.sleep(0.5)
    return ran


def _running() -> bool:
    return any(_MODULE in (one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))
