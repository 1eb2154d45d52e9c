"""What it takes to measure two versions, and how far the figures of speed can be trusted: Llamas of random weights.

Reading: how likely 400 paragraphs of Python's documentation are, and 100 conversations asked again with small changes.
Speed: a version beside itself, so that the true difference is none, and beside one of half its layers. Of each, how often
an interval of 95% held the truth or saw the difference, and how wide it was beside the figure.

    python -m benchmarks.evaluating [--size 20M] [--times 20] [--timed 50] [--busy 0]

`--busy`: so many processes that do nothing but count take part in the machine.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import LlamaForCausalLM

from benchmarks import random_llama
from benchmarks.machine import describe
from mainspring.curation import files
from mainspring.curation.rows import Kind, Message, Origin, Row, Split
from mainspring.evaluation.plan import SuitePlan
from mainspring.evaluation.results import Measured, Results
from mainspring.evaluation.suite import MeasuringSet, Suite
from mainspring.settings import Settings
from mainspring.terms import Task
from workers.gpu import device
from workers.gpu.evaluating import evaluate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=random_llama.SIZES, default="20M")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--timed", type=int, default=50)
    parser.add_argument("--busy", type=int, default=0)
    asked = parser.parse_args()
    print(
        f"machine: {describe()}; {device.use_threads()} threads of torch, {device.dtype()}; {asked.busy} beside"
    )
    with tempfile.TemporaryDirectory() as folder, busy(asked.busy):
        root = Path(folder)
        random_llama.make(asked.size, root / "whole")
        halve(root / "whole", root / "half")
        keep(root)
        read(root)
        for other in ("whole", "half"):
            found = [compared(root, other, asked.timed) for _ in range(asked.times)]
            told(other, [one.of("latency") for one in found])
            told(other, [one.of("throughput") for one in found])


@contextmanager
def busy(count: int) -> Iterator[None]:
    beside = [multiprocessing.Process(target=_count, daemon=True) for _ in range(count)]
    for one in beside:
        one.start()
    yield
    for one in beside:
        one.kill()


def _count() -> None:
    while True:
        sum(range(10_000))


def halve(whole: Path, folder: Path) -> None:
    """The same with every other layer."""
    model: Any = LlamaForCausalLM.from_pretrained(whole)
    model.model.layers = model.model.layers[::2]
    model.config.num_hidden_layers = len(model.model.layers)
    for number, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = number
    model.save_pretrained(folder)
    for path in whole.glob("tokenizer*"):
        (folder / path.name).write_bytes(path.read_bytes())


def keep(root: Path) -> None:
    """Two sets: of texts, and of conversations that each ask a paragraph and are answered by the next one."""
    said = [text for text in random_llama.corpus() if 100 < len(text) < 800]
    texts = [_row(Kind.TEXT, text, text=text) for text in said[:400]]
    pairs = list(zip(said[400:800:2], said[401:800:2], strict=False))[:100]
    talks = [
        _row(Kind.CHAT, asked, messages=(Message("user", asked), Message("assistant", answer)))
        for asked, answer in pairs
    ]
    for name, rows in (("texts", texts), ("talks", talks)):
        (root / digest(name)).mkdir()
        files.write(root / digest(name), Split.HELD_OUT, rows)


def _row(kind: Kind, group: str, **more: Any) -> Row:
    return Row(kind, Origin.UPLOAD, "pydoc", group, **more)


def digest(name: str) -> str:
    return name.encode().hex().ljust(64, "0")


def read(root: Path) -> None:
    for name in ("texts", "talks"):
        begun = time.perf_counter()
        found = measured(root, "whole", "half", {"timed": 0}, name)
        seconds = time.perf_counter() - begun
        items = [f"{one.name} {one.items}" for one in found.measured]
        print(f"reading {name}, two versions with their loading: {seconds:.1f} s ({', '.join(items)})")


def compared(root: Path, other: str, timed: int) -> Results:
    return measured(
        root, "whole", other, {"timed": timed, "perturbed": 0, "items": 60, "tokens": 16}, "talks"
    )


def measured(root: Path, challenger: str, champion: str, plan: dict[str, Any], name: str) -> Results:
    suite = Suite(
        task=Task.TEXT_GENERATION,
        sets=(MeasuringSet(name=name, dataset=digest(name)),),
        plan=SuitePlan.model_validate(plan),
    )
    return evaluate(
        suite,
        root / challenger,
        root / champion,
        root,
        lambda *_: None,
        settings=Settings(compile_steps=False),
    )


def told(other: str, found: Sequence[Measured | None]) -> None:
    """How often nought was inside, how wide the interval was, and by how much they differed, as shares of the champion's."""
    shares, halves, held, within = [], [], 0, 0
    for one in found:
        assert one is not None
        assert one.champion is not None
        assert one.difference is not None
        assert one.difference.low is not None
        assert one.difference.high is not None
        shares.append(one.difference.value / one.champion.value)
        halves.append((one.difference.high - one.difference.low) / 2 / one.champion.value)
        held += one.difference.low <= 0 <= one.difference.high
        gain = one.gain
        assert gain is not None
        assert gain.low is not None
        within += gain.low >= -0.5 * one.champion.value
    name = found[0].name if found[0] else ""
    print(
        f"load {os.getloadavg()[0]:.1f}: whole beside {other}: {name}: differs by {statistics.median(shares):+.1%} (median; {min(shares):+.1%} to"
        f" {max(shares):+.1%}), interval ±{statistics.median(halves):.1%}, nought inside {held} of {len(found)},"
        f" surely no worse than by half: {within}"
    )


if __name__ == "__main__":
    main()
