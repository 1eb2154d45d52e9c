"""Where a stack's processor time goes, service by service, PostgreSQL with all its processes."""

import os
from collections import defaultdict
from contextlib import suppress

import psutil

from tests.faults.stack import Stack


def seconds(stack: Stack) -> dict[str, float]:
    """Used so far by each service, and by this process, the `client`."""
    roots = {one["name"]: psutil.Process(one["pid"]) for one in stack.state()["services"]}
    used: dict[str, float] = defaultdict(float)
    for name, root in (roots | {"client": psutil.Process(os.getpid())}).items():
        family = [root] if name == "client" else [root, *root.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[name] += times.user + times.system
    return used
