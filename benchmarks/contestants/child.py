"""How a contestant speaks with the one who measures: a line of JSON when it is ready, one for each round that is asked.

Standard library alone: this file runs in the environments of others.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Round(NamedTuple):
    """`stream`: read each answer as it is written, so that the time to its first token is seen."""

    prompts: list[str]
    stream: bool


def serve(settings: dict[str, Any], run: Callable[[Round], dict[str, Any]]) -> None:
    """`run` says what it saw: `seconds`, `tokens`, and `first_tokens`, in seconds, where it knows. Ends with the input."""
    out = os.fdopen(os.dup(_REAL_OUTPUT), "w", buffering=1)
    print(json.dumps(settings), file=out)
    for line in sys.stdin:
        print(json.dumps(run(Round(**json.loads(line)))), file=out)


_REAL_OUTPUT = os.dup(1)
os.dup2(2, 1)  # libraries may print; the lines above must stay alone
