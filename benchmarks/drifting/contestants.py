"""Who watches the streams, with what its library asks for, and how many of the streams it is given."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.environment import python

ROOT = Path(__file__).parent.parent.parent
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
QUIET = {"DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class Contestant:
    """`peer`: its environment; none: this one. It is given one of `slower` streams that move, since it is slow."""

    title: str
    looks: str
    module: str
    peer: str | None = None
    slower: int = 1

    def watch(self, name: str, folder: Path, streams: Sequence[int]) -> list[dict[str, Any]]:
        """A line a stream, as `watching` writes them."""
        interpreter = python(self.peer) if self.peer else Path(sys.executable)
        subprocess.run(
            [interpreter, "-m", self.module, name, folder],
            cwd=ROOT,
            env=os.environ | ONE_CORE | QUIET,
            input=json.dumps(list(streams)),
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def _peer(peer: str, title: str, looks: str, slower: int = 1) -> Contestant:
    return Contestant(title, looks, f"benchmarks.peers.on_{peer}", peer, slower)


CONTESTANTS = {
    "ours": Contestant("**Mainspring**, the encoder alone", "each request", "benchmarks.drifting.ours"),
    "both": Contestant("**Mainspring**, with words beside it", "each request", "benchmarks.drifting.ours"),
    "adwin": _peer("river", "River, ADWIN on a distance", "each request"),
    "kswin": _peer("river", "River, KSWIN on a distance", "each request"),
    "frouros_ks": _peer("frouros", "Frouros, incremental KS on a distance", "each request"),
    "evidently_embeddings": _peer("evidently", "Evidently, embeddings, its defaults", "each 100", slower=4),
    "evidently_embeddings_alpha": _peer("evidently", "Evidently, embeddings, at alpha", "each 100", slower=4),
    "evidently_texts": _peer("evidently", "Evidently, texts, its defaults", "each 100", slower=4),
    "evidently_texts_alpha": _peer("evidently", "Evidently, texts, at alpha", "each 100", slower=4),
    "alibi_classifier": _peer("alibi", "Alibi-Detect, classifier", "each 100", slower=4),
    "alibi_mmd": _peer("alibi", "Alibi-Detect, online MMD", "each request", slower=25),
    "frouros_mmd": _peer("frouros", "Frouros, MMD with permutations", "each 100", slower=16),
}
