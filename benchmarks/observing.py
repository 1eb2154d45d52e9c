"""What it costs the answers that each of them is looked at: two stacks in turn, one of which does not observe.

Both serve the same model to as many clients at once; the observing one makes vectors of every prompt and answer, encodes
its sample, and gives all of it to the detectors, while it answers. At the end every request has been looked at once.
Target: at most 3% fewer tokens a second.

    python -m benchmarks.observing [--size 20M] [--in-flight 64] [--prompts 256] [--rounds 3]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from benchmarks import random_llama
from benchmarks.contestants.child import Round
from benchmarks.contestants.product import Clients, Processor
from benchmarks.machine import describe
from benchmarks.prompts import prompts
from tests.faults.stack import Stack

NEVER = "86400"  # seconds
POLICY = {"drift": {"reference": 200}}
SEEN = """
    select count(*) filter (where seq is not null and words_prompt is not null), count(*), count(sampled),
           (select latest_requests from drift_watches) from observations
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="20M", choices=list(random_llama.SIZES))
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        model = Path(folder, "model")
        random_llama.make(asked.size, model)
        never = {f"MAINSPRING_{task}_SECONDS": NEVER for task in ("OBSERVE", "DETECT", "DECIDE")}
        with Stack(Path(folder, "not"), **never) as blind, Stack(Path(folder, "does")) as seeing:
            measure({"not observed": blind, "observed": seeing}, model, asked)


def measure(stacks: dict[str, Stack], model: Path, asked: argparse.Namespace) -> None:
    for stack in stacks.values():
        deploy(stack, model)
    clients = {name: Clients(stack, asked.in_flight) for name, stack in stacks.items()}
    speeds: dict[str, list[float]] = {name: [] for name in stacks}
    for number in range(1 + asked.rounds):
        given = Round(prompts(asked.prompts, number), stream=False)
        for name, stack in stacks.items():
            before, began = Processor(stack).taken(), time.perf_counter()
            tokens = sum(each for each, _ in clients[name].run(given))
            seconds = time.perf_counter() - began
            after = Processor(stack).taken()
            if number:  # the first compiles, and fills the reference
                speeds[name].append(tokens / seconds)
                cost = {part: 1000 * (after[part] - before.get(part, 0.0)) / asked.prompts for part in after}
                print(f"{name}: {tokens / seconds:,.0f} tokens/s;", parts(cost))
    plain, seen = (statistics.median(speeds[name]) for name in stacks)
    print(f"observed / not observed: {seen / plain:.3f}")
    tell(stacks["observed"])


def deploy(stack: Stack, model: Path) -> None:
    with stack.client() as api:
        api.request("PUT", "/v1/deployments/measured", json={"task": "text-generation", "policy": POLICY})
    stack.deploy("measured", model, "text-generation")


def parts(cost: dict[str, float]) -> str:
    """Milliseconds of a core a job."""
    return ", ".join(
        f"{name} {taken:.1f}" for name, taken in sorted(cost.items(), key=lambda one: -one[1]) if taken > 0.05
    )


def tell(stack: Stack) -> None:
    time.sleep(10)  # the last ones are looked at
    database = stack.database()
    with database.begin() as connection:
        seen, there, encoded, detected = connection.execute(text(SEEN)).one()
    database.close()
    print(
        f"{seen} of {there} requests were looked at, {encoded} of them encoded; the detectors were given {detected}"
    )


if __name__ == "__main__":
    main()
