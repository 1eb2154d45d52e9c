"""The life of a job without a model: how many are accepted, and lived through, in a second; and at a million rows.

Accepted one by one (8 producers), in bulk, and lived through by one worker process of concurrency 64 whose tasks do
nothing; beside ours, procrastinate and Celery with a database of results, on the same servers. Ours are accepted over
HTTP, with a key, a receipt and a position; theirs by their libraries inside the producers' process. Medians of three.
Targets of ours on two cores: 400/s, 4,000/s, 300/s; at a million rows at most 1.5 times the cost.

    python -m benchmarks.job_life [--rows 1000000] [--peers procrastinate celery]
"""

import argparse

from benchmarks.machine import describe
from benchmarks.noop import Noop, noop
from benchmarks.pace import lived, median, produced
from benchmarks.peers.environment import QUEUES, figures, python
from benchmarks.rows import compare

BULK = 5_000


def ours(noop: Noop) -> dict[str, float]:
    def in_bulk() -> float:
        return produced(8 * BULK, noop.in_bulk)

    def life() -> float:
        noop.empty()
        produced(3_000, noop.one_by_one)
        with noop.worker():
            return lived(noop.unfinished)

    produced(400, noop.one_by_one)
    return {
        "one by one": median(lambda: produced(3_000, noop.one_by_one)),
        "in bulk": median(in_bulk),
        "lived through": median(life),
    }


def table(columns: dict[str, dict[str, float]]) -> None:
    """Jobs a second, and how many times as many as each peer."""
    first, *peers = columns
    print(f"{'jobs/s':>14} {first:>11}" + "".join(f"{peer:>27}" for peer in peers))
    for what, rate in columns[first].items():
        beside = (f"{columns[peer][what]:8.0f} ({rate / columns[peer][what]:5.2f} times)" for peer in peers)
        print(f"{what:>14} {rate:11.0f}" + "".join(f"{one:>27}" for one in beside))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="0: leave this part out")
    parser.add_argument("--peers", nargs="*", choices=QUEUES, default=QUEUES)
    arguments = parser.parse_args()
    for peer in arguments.peers:
        python(peer)
    print(f"machine: {describe()}")
    with noop() as made:
        columns = {"mainspring": ours(made)}
        print("mainspring", {what: round(rate) for what, rate in columns["mainspring"].items()}, flush=True)
        for peer in arguments.peers:
            columns[peer] = figures(peer, made.stack.settings)
            print(peer, {what: round(rate) for what, rate in columns[peer].items()}, flush=True)
        table(columns)
        if arguments.rows:
            compare(made, arguments.rows)


if __name__ == "__main__":
    main()
