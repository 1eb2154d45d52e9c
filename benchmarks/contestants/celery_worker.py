"""What the two Celery contestants share: one worker process, and a client that keeps so many tasks in flight."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.contestants.child import Round, serve

QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")


def run(task: str, prefetch: str) -> None:
    """`task`: its name; `prefetch`: how many messages the one process takes at once."""
    folder, in_flight, dtype, place = sys.argv[1:5]
    os.environ |= {"MODEL": folder, "IN_FLIGHT": in_flight, "DTYPE": dtype, "BROKER": place, "QUEUE": task}
    from benchmarks.contestants import tasks

    asked = tasks.app.tasks[task]
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "benchmarks.contestants.tasks",
        "worker",
        "-P",
        "solo",
        *QUIET,
    ]
    command += ["--prefetch-multiplier", prefetch]
    worker = subprocess.Popen(command, stdout=sys.stderr)
    threads = ThreadPoolExecutor(int(in_flight))

    def answered(prompt: str) -> float:
        begin = time.perf_counter()
        asked.delay(prompt).get(timeout=600)
        return time.perf_counter() - begin

    def one_round(asked: Round) -> dict[str, Any]:
        begin = time.perf_counter()
        firsts = list(
            threads.map(answered, asked.prompts)
        )  # an answer comes as a whole, its first token with it
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "tokens": tasks.NEW_TOKENS * len(firsts), "first_tokens": firsts}

    answered("Begin.")
    serve({"task": task, "in_flight": int(in_flight), "dtype": dtype, "pool": "solo"}, one_round)
    worker.terminate()
    worker.wait(30)
