"""Makes a peer's environment, pinned, and runs its measurement on the servers of a running stack."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg

from mainspring.endpoints import broker_url, socket_dir
from mainspring.settings import Settings

FOLDER = Path(__file__).parent.parent.parent / ".cache" / "peers"
PINNED = {
    # Queues, which `figures` measures.
    "procrastinate": ("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9"),
    "celery": ("celery[redis,sqlalchemy]==5.7.0", "psycopg[binary]==3.3.9", "packaging==26.3"),
    # The models' peers. torch is pinned, since another version of it pulls in gigabytes.
    "recipes": ("torch==2.13.0", "transformers==5.23.0", "celery[redis]==5.6.3", "celery-batches==0.11"),
    "serving": ("torch==2.13.0", "transformers[serving]==5.23.0"),
    # Drift detectors. Evidently wants a pandas before 3, alibi-detect a NumPy before 2.
    "river": ("river==0.26.1", "numpy==2.4.6", "scipy==1.17.1"),
    "frouros": ("frouros==0.9.0", "numpy==2.1.3", "scipy==1.14.1"),
    "evidently": ("evidently==0.7.23", "numpy==2.4.6", "pandas==2.3.3", "scikit-learn==1.9.1"),
    "alibi": ("alibi-detect==0.13.0", "numpy==1.26.4", "scikit-learn==1.9.1", "torch==2.13.0"),
}
QUEUES = ("procrastinate", "celery")


def figures(peer: str, settings: Settings) -> dict[str, float]:
    """What the peer's script has measured, in a database that is made for it."""
    print(f"{peer}: {', '.join(PINNED[peer])}")
    where = f"host={socket_dir(settings.home)} user=postgres"
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as connection:
        connection.execute(f"create database {peer}")
    if peer == "celery":
        url = f"postgresql+psycopg://postgres@/{peer}?host={socket_dir(settings.home)}"
        places = [url, f"{broker_url(settings)}?virtual_host=1"]
    else:
        places = [f"{where} dbname={peer}"]
    said = subprocess.run(
        [python(peer), "-m", f"benchmarks.peers.on_{peer}", *places],
        cwd=FOLDER.parent.parent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(said.stdout.splitlines()[-1]))


def python(peer: str) -> Path:
    """The interpreter of its environment, which is made when it is new or when the pins have changed."""
    home = FOLDER / peer
    interpreter, mark = home / "bin" / "python", home / "pinned"
    pins = "\n".join(PINNED[peer])
    if not mark.exists() or mark.read_text() != pins:
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PINNED[peer]], check=True)
        mark.write_text(pins)
    return interpreter
