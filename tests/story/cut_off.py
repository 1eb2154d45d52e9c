"""Start a package where there is no network but this process's own loopback, ask it, and stop it.

`python cut_off.py CONTEXT INPUT`, in a network namespace of its own where the machine allows it; prints JSON.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import httpx

import mainspring
from mainspring.errors import MainspringError
from mainspring.local.doors import own
from mainspring.settings import Settings

SIOCGIFFLAGS, SIOCSIFFLAGS, UP = 0x8913, 0x8914, 1


def raise_loopback() -> None:
    """Of a new namespace it is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        found = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", found)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | UP))


def reached(host: str = "192.0.2.1") -> str:
    """How the world answers (an address of RFC 5737, which nobody has)."""
    with socket.socket() as probe:
        probe.settimeout(2)
        try:
            probe.connect((host, 80))
        except OSError as error:
            return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    return "reached"


def answered(settings: Settings, deployment: str, given: str) -> dict[str, object]:
    until = time.monotonic() + 120
    while True:
        try:
            with own(settings) as api:
                job = api.result(api.submit(deployment, given, max_tokens=4, seed=1)["id"])
                versions = api.request("GET", f"/v1/deployments/{deployment}/versions")["versions"]
                policy = api.request("GET", f"/v1/deployments/{deployment}")["policy"]
        except (MainspringError, httpx.TransportError):
            assert time.monotonic() < until, "it does not answer"
            time.sleep(0.2)  # another process's start has no event to await
        else:
            return {"job": job, "versions": versions, "policy": policy}


def main(context: Path, deployment: str, given: str) -> None:
    if os.environ.get("OWN_NETWORK"):
        raise_loopback()
    settings = Settings()
    log = settings.home.parent / "start.log"
    with log.open("wb") as file:
        started = subprocess.Popen(["sh", str(context / "start.sh")], stdout=file, stderr=subprocess.STDOUT)
        try:
            found = answered(settings, deployment, given)
        finally:
            started.send_signal(signal.SIGTERM)
            code = started.wait(timeout=60)
    print(
        json.dumps(
            found | {"code": code, "world": reached(), "program": mainspring.__file__, "log": log.read_text()}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
