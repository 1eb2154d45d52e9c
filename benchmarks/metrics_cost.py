"""What being counted costs: an answer of 64 tokens, a request of the api, and a look at each, in microseconds.

Counted and not counted in turn, in one run: `job` is a job's core seconds as benchmarks/queue_tax.py found them. Target:
an answer under 1% of it.

    python -m benchmarks.metrics_cost [--job 0.05]
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

from prometheus_client import CollectorRegistry, generate_latest

from api.meters import Meters as Requests
from benchmarks.machine import describe
from mainspring.metrics.exposed import registry
from mainspring.metrics.labels import Labels
from mainspring.serving.engine import EngineAnswer
from workers.gpu.ledger import Writing, running_future
from workers.meters import Meters

TOKENS, ROUNDS, TIMES = 64, 15, 2_000
LABELS = Labels("assistant", "assistant@1")


def answer(gaps: list[float]) -> EngineAnswer:
    return EngineAnswer(
        {"text": "", "finish_reason": "length"},
        {"prompt_tokens": 60, "completion_tokens": TOKENS},
        first_token_seconds=0.2,
        engine_seconds=1.4,
        gaps=gaps,
    )


def microseconds(do: Callable[[], object], times: int = TIMES) -> float:
    """Of this thread's processor, once; the median of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for _ in range(times):
            do()
        rounds.append((time.thread_time() - begun) / times * 1e6)
    return median(rounds)


def heard() -> None:
    """All tokens of an answer, as an engine hears them."""
    entry = Writing(None, None, running_future())  # type: ignore[arg-type]  no request is read here
    for _ in range(TOKENS):
        entry.hear(1)


def unheard() -> None:
    Writing(None, None, running_future())  # type: ignore[arg-type]


def look(shown: CollectorRegistry) -> tuple[float, int]:
    return microseconds(lambda: generate_latest(shown), 20), len(generate_latest(shown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--job", type=float, default=0.05, help="core seconds of a job")
    job = parser.parse_args().job * 1e6
    print(f"machine: {describe()}")
    shown, gaps = registry(), [0.02] * (TOKENS - 1)
    meters, said, short = Meters(shown), answer(gaps), answer([])
    loop = microseconds(lambda: None)
    six = microseconds(lambda: meters.answered(LABELS, 0.01, 1.41, short)) - loop
    all_of_it = microseconds(lambda: meters.answered(LABELS, 0.01, 1.41, said)) - loop
    hearing = microseconds(heard, 200) - microseconds(unheard, 200)
    whole = all_of_it + hearing
    print(f"an answer, its histograms and counters without the gaps between tokens: {six:.1f} us")
    print(f"  with the {TOKENS - 1} gaps: {all_of_it:.1f} us; and hearing them: {hearing:.1f} us")
    print(f"  in all {whole:.1f} us, {whole / job:.2%} of a job's {job / 1000:.0f} ms")
    requests_shown = registry()
    requests = Requests(requests_shown)
    one = microseconds(lambda: requests.answered("GET", "/v1/jobs/{job_id}", 200, 0.004)) - loop
    print(f"a request of the api: {one:.1f} us")
    for number in range(2, 11):
        meters.answered(Labels("assistant", f"assistant@{number}"), 0.01, 1.41, said)
    spent, size = look(shown)
    print(f"a look at a worker with ten versions: {spent / 1000:.1f} ms, {size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
