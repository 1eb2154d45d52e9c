"""What it costs the answers that each of them is looked at: one stack in turn with and without.

Started anew for each round on the same home, so with the same plan for the same model, it serves as many clients at once;
where it observes, it makes vectors of every prompt and answer, encodes its sample, and gives all of it to the detectors
while it answers. At the end every request has been looked at once. Target: at most 3% fewer tokens a second.

    python -m benchmarks.observing [--size 20M] [--in-flight 64] [--prompts 320] [--rounds 3]
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
PLAIN = {"MAINSPRING_COMPILE_STEPS": "false"}  # a compiler beside one of them would count against it
MODES: dict[str, dict[str, str]] = {
    "not observed": {f"MAINSPRING_{task}_SECONDS": NEVER for task in ("OBSERVE", "DETECT", "DECIDE")},
    "observed": {},
}
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
    parser.add_argument("--prompts", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        model = Path(folder, "model")
        random_llama.make(asked.size, model)
        with Stack(Path(folder, "home"), **PLAIN) as stack:
            with stack.client() as api:
                api.request(
                    "PUT", "/v1/deployments/measured", json={"task": "text-generation", "policy": POLICY}
                )
            stack.deploy("measured", model, "text-generation")
            Clients(stack, asked.in_flight).run(Round(prompts(300), stream=False))
        measure(Path(folder, "home"), asked)


def measure(home: Path, asked: argparse.Namespace) -> None:
    speeds: dict[str, list[float]] = {name: [] for name in MODES}
    for number in range(asked.rounds):
        for name, more in MODES.items() if number % 2 == 0 else reversed(MODES.items()):
            with Stack(home, **PLAIN, **more) as stack:
                speeds[name].append(one_round(name, stack, asked, number))
                if name == "observed" and number == asked.rounds - 1:
                    tell(stack)
    plain, seen = (statistics.median(speeds[name]) for name in MODES)
    print(f"observed / not observed: {seen / plain:.3f}")


def one_round(name: str, stack: Stack, asked: argparse.Namespace, number: int) -> float:
    """Tokens a second, after a round that wakes all that is needed."""
    clients = Clients(stack, asked.in_flight)
    clients.run(Round(prompts(asked.in_flight, 99), stream=False))
    if name == "observed":
        wait_for_the_encoder(stack)
    before, began = Processor(stack).taken(), time.perf_counter()
    tokens = sum(each for each, _ in clients.run(Round(prompts(asked.prompts, number), stream=False)))
    seconds, after = time.perf_counter() - began, Processor(stack).taken()
    cost = {part: 1000 * (after[part] - before.get(part, 0.0)) / asked.prompts for part in after}
    print(f"{name}: {tokens / seconds:,.0f} tokens/s;", parts(cost), flush=True)
    return tokens / seconds


def wait_for_the_encoder(stack: Stack) -> None:
    """Which takes seconds to start, once in its life."""
    database = stack.database()
    for _ in range(300):
        with database.begin() as connection:
            if connection.scalar(
                text("select bool_and(seq is not null) from observations")
            ) and connection.scalar(
                text(
                    "select exists (select from observations where sampled is not null and at > now() - interval '1 minute')"
                )
            ):
                break
        time.sleep(0.2)
    database.close()


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
        f"{seen} of {there} requests were looked at, {encoded} of them encoded; the detectors have been given {detected} since they last began"
    )


if __name__ == "__main__":
    main()
