"""What a shadow costs the clients: seconds of an answer and tokens a second, without one and while one is tried.

One stack, a model of 20 million parameters, so many clients with one job at a time. In each round the same prompts are
asked twice: first with the rollout paused, then with all of it tried by the challenger too, as fast as workers do it
behind the clients' jobs.

    python -m benchmarks.shadow [--rounds 3] [--clients 16] [--jobs 96]
"""

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import compilers, random_llama
from benchmarks.machine import describe
from benchmarks.prompts import prompts
from mainspring.client import Client
from tests.faults.stack import Stack

NAME, NEW_TOKENS = "measured", 32
ROLLOUT = {"shadow": {"share": 1.0, "samples": 2000}, "steps": [0.5]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=96, help="of a round, each time")
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-", dir="/tmp") as place:
        folder = Path(place)
        for seed in (1, 2):
            random_llama.make("20M", folder / f"model {seed}", seed)
        with Stack(folder / "home") as stack:
            measure(stack, folder, asked)


def measure(stack: Stack, folder: Path, asked: argparse.Namespace) -> None:
    stack.deploy(NAME, folder / "model 1", "text-generation")
    with stack.client() as client:
        ask(stack, asked.clients, prompts(200, 0))
        compilers.wait()
        policy = {"task": "text-generation", "policy": {"rollout": ROLLOUT}}
        client.request("PUT", f"/v1/deployments/{NAME}", json=policy)
        stack.deploy(NAME, folder / "model 2", "text-generation")
        rollout = opened(client)
        while opened(client)["state"] != "shadow":
            time.sleep(0.2)
        found: dict[str, list[tuple[float, float]]] = {"without": [], "with a shadow": []}
        for number in range(1, asked.rounds + 1):
            texts = prompts(asked.jobs, number)
            for name, verb in zip(found, ("pause", "resume"), strict=True):
                client.request("POST", f"/v1/rollouts/{rollout['id']}/{verb}", json={})
                if verb == "pause":
                    idle(client)
                found[name].append(ask(stack, asked.clients, texts))
        tried = tried_so_far(client)
    for name, rounds in found.items():
        seconds, speed = (statistics.median(one[which] for one in rounds) for which in (0, 1))
        print(f"  {name:14} an answer {seconds:.2f} s (median), {speed:7.1f} tokens/s")
    ratios = [
        beside[1] / alone[1] for alone, beside in zip(found["without"], found["with a shadow"], strict=True)
    ]
    print(f"  with / without: {', '.join(f'{ratio:.2f}' for ratio in ratios)} of the tokens/s")
    print(f"  {tried} of {asked.rounds * asked.jobs} jobs tried meanwhile")


def opened(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.request("GET", f"/v1/deployments/{NAME}/rollouts")["rollouts"][0]
    return found


def tried_so_far(client: Client) -> int:
    return int(opened(client)["judged"].get("shadow", {}).get("tried", 0))


def idle(client: Client) -> None:
    """Until nothing more is tried."""
    before = -1
    while (now := tried_so_far(client)) != before:
        before = now
        time.sleep(3)


def ask(stack: Stack, clients: int, texts: list[str]) -> tuple[float, float]:
    """The median seconds of an answer, and tokens a second of all."""

    def one(text: str) -> tuple[float, int]:
        with stack.client() as mine:
            begun = time.perf_counter()
            job = mine.result(mine.submit(NAME, text, max_tokens=NEW_TOKENS)["id"], 120)
            return time.perf_counter() - begun, int(job["usage"]["completion_tokens"])

    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(one, texts))
    took = time.perf_counter() - begun
    return statistics.median(seconds for seconds, _ in answers), sum(tokens for _, tokens in answers) / took


if __name__ == "__main__":
    main()
