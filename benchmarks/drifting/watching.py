"""How a detector is held against the streams: made of a reference, asked for its first alarm on each stream.

A module with detectors ends with `serve({...})` and is run as a process of its own, in whichever environment has its
library: `python -m MODULE DETECTOR FOLDER`, the numbers of its streams on standard input as JSON. It writes
`FOLDER/DETECTOR.jsonl`, a line a stream, with what it took of the processor.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from benchmarks.drifting.plan import Plan, Requests

ALPHA = 0.01  # what each is asked for, where it can be asked
WINDOW = 100  # requests that are looked at together, where a detector takes windows


class Detector(Protocol):
    """Made of a reference; every stream finds it as it was made."""

    def first_alarm(self, stream: Requests) -> int | None:
        """The index of the request that raised it; None: silent to the end."""


Make = Callable[[Requests], Detector]


def serve(detectors: Mapping[str, Make]) -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    chosen = json.load(sys.stdin)
    with (folder / f"{name}.jsonl").open("w") as results:
        for reference, streams in Plan(folder).rounds(chosen):
            begin = _processor()
            detector = detectors[name](reference)
            setting_up = _processor() - begin
            for number, stream in streams:
                begin = _processor()
                alarm = detector.first_alarm(stream)
                watched = len(stream.texts) if alarm is None else alarm + 1
                line = {"stream": number, "alarm": alarm, "watched": watched}
                line |= {"seconds": _processor() - begin, "setting_up": setting_up}
                results.write(json.dumps(line) + "\n")
                results.flush()


def _processor() -> float:
    """Seconds of it so far, by this process and those that it started and that have ended."""
    return sum(os.times()[:4])


def first_window(stream: Requests, drifted: Callable[[Requests], bool]) -> int | None:
    """Looks whenever `WINDOW` requests more are there, at these alone."""
    for begin in range(0, len(stream.texts) - WINDOW + 1, WINDOW):
        end = begin + WINDOW
        if drifted(Requests(stream.vectors[begin:end], stream.texts[begin:end])):
            return end - 1
    return None
