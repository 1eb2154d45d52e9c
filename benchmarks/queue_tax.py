"""What the whole product costs beside its bare engine, and beside what others do on the same cores.

In a round the same prompts of 10 to 80 words and 64 new tokens for each, so many in flight; in the next round others,
since many engines keep what they have read. Each has a process of its own and, where it must be, an environment of its
own, stays loaded, and is asked in turn, so that a slow minute of the machine hits all alike. The first rounds are not counted: there, things are
compiled. Ours compile beside serving; their first rounds go on until one starts no compiler, nobody is asked while one
runs, and a later round that started one is made again.

    python -m benchmarks.queue_tax [--size 20M 130M] [--in-flight 32 64] [--rounds 2] [--only slots product ...]
"""

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from benchmarks import compilers, random_llama
from benchmarks.contestants.process import NOT_INSTALLED, Contestant, installable
from benchmarks.contestants.valkey import valkey
from benchmarks.machine import describe
from benchmarks.prompts import NEW_TOKENS, prompts
from workers.gpu import device

NAMES = {
    "slots": "a  Mainspring's slots, in process",
    "product": "b  Mainspring, over HTTP",
    "recipe": "c  Celery task that calls generate",
    "batches": "d  the same with celery-batches",
    "stock": "e  continuous batching, in process",
    "transformers_server": "f  transformers serve, over HTTP",
    "vllm_in_process": "   vLLM, in process",
    "vllm_server": "g  vLLM's server, over HTTP",
    "limit": "h  the step's matrix products alone",
}
WARM_UP = 2  # rounds
PROMPTS = {"20M": 128, "130M": 80}  # which take a minute or two
SLOW = {"recipe": 8}  # its share of the prompts is this much smaller, since it answers one at a time
COMPILING = ("slots", "product")
STREAMED = ("product", "transformers_server")
RATIOS = (
    ("slots", "vllm_in_process", {"": 1.0}),
    ("slots", "limit", {"float32": 0.5, "bfloat16": 0.3}),
    ("product", "slots", {"20M": 0.85, "130M": 0.95}),
    ("product", "vllm_server", {"": 1.1}),
    ("product", "recipe", {"": 8.0}),
    ("product", "batches", {"": 2.0}),
    ("product", "transformers_server", {"": 2.0}),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", nargs="*", choices=random_llama.SIZES, default=list(random_llama.SIZES))
    parser.add_argument("--in-flight", nargs="*", type=int, default=[32, 64])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--prompts", type=int, help=f"of a round; by size {PROMPTS}")
    parser.add_argument(
        "--only", nargs="*", choices=NAMES, default=[name for name in NAMES if installable(name)]
    )
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    for name, title in NAMES.items():
        if name not in asked.only:
            print(f"left out: {title.strip()}" + ("" if installable(name) else f" ({NOT_INSTALLED})"))
    for size in asked.size:
        with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
            random_llama.make(size, Path(folder))
            for in_flight in asked.in_flight:
                measure(Path(folder), size, in_flight, asked)


def measure(folder: Path, size: str, in_flight: int, asked: argparse.Namespace) -> None:
    dtype = str(device.dtype()).removeprefix("torch.")
    each = asked.prompts or PROMPTS[size]
    print(
        f"\n{size}, {dtype}, {each} prompts, {NEW_TOKENS} new tokens, {in_flight} in flight",
        flush=True,
    )
    rounds = (prompts(each, number) for number in count())
    with contestants(asked.only, folder, in_flight, dtype) as running:
        for name, one in running.items():
            print(f"  {NAMES[name]}: {one.settings}", flush=True)
            for _ in range(1 if name in SLOW else WARM_UP):
                one.run(_share(name, next(rounds)))
            while name in COMPILING and compilers.wait():
                one.run(_share(name, next(rounds)))
        for _ in range(asked.rounds):
            texts = next(rounds)
            for name, one in running.items():
                one.rounds.append(one.run(_share(name, texts)))
                while name in COMPILING and compilers.wait():
                    one.rounds[-1] = one.run(_share(name, next(rounds)))
        tell(running, {size, dtype, ""}, next(rounds))


@contextmanager
def contestants(
    names: list[str], folder: Path, in_flight: int, dtype: str
) -> Iterator[dict[str, Contestant]]:
    with ExitStack() as stack:
        place = stack.enter_context(valkey())
        yield {name: stack.enter_context(Contestant(name, folder, in_flight, dtype, place)) for name in names}


def tell(running: dict[str, Contestant], kinds: set[str], texts: list[str]) -> None:
    for name, one in running.items():
        each = ", ".join(f"{found['tokens'] / found['seconds']:.0f}" for found in one.rounds)
        print(f"  {NAMES[name]:38} {one.speed:7.1f} tokens/s  ({each})")
    for above, below, target in RATIOS:
        if above in running and below in running:
            ratio = running[above].speed / running[below].speed
            wanted = next(least for kind, least in target.items() if kind in kinds)
            print(f"  {above} / {below}: {ratio:.2f}, wanted {wanted}")
    for name, one in running.items():
        found = one.rounds[-1].get("first_tokens")
        if name in STREAMED:
            found = one.run(texts, stream=True)["first_tokens"]
        if found:
            print(f"  first token of {name}: median {statistics.median(found):.2f} s")
    for name, one in running.items():
        if "processor" in one.rounds[0]:
            print(f"  {name}: a job takes of one core, in ms: {_processor(one)}")


def _processor(contestant: Contestant) -> str:
    """Milliseconds by part, the median of the rounds."""
    parts: dict[str, list[float]] = {}
    for found in contestant.rounds:
        jobs = found["tokens"] / NEW_TOKENS
        for name, seconds in found["processor"].items():
            parts.setdefault(name, []).append(1000 * seconds / jobs)
    told = {name: statistics.median(each) for name, each in parts.items()}
    return ", ".join(f"{name} {ms:.2f}" for name, ms in sorted(told.items(), key=lambda one: -one[1]))


def _share(name: str, texts: list[str]) -> list[str]:
    return texts[: len(texts) // SLOW.get(name, 1)]


if __name__ == "__main__":
    main()
