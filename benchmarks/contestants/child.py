"""How a contestant speaks with the one who measures: a line of JSON when it is ready, one for each round that is asked.

Standard library alone: this file runs in the environments of others.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Round = Callable[[list[str]], dict[str, Any]]


def serve(settings: dict[str, Any], run: Round) -> None:
    """`run` is given the prompts and says what it saw, among it `seconds`, `tokens`. Ends with the standard input."""
    out = os.fdopen(os.dup(_REAL_OUTPUT), "w", buffering=1)
    print(json.dumps(settings), file=out)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), file=out)


_REAL_OUTPUT = os.dup(1)
os.dup2(2, 1)  # libraries may print; the lines above must stay alone
