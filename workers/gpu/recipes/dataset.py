"""What a version was trained with, as its record names it: one digest of all examples, how many, and whence they came."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any


def described(examples: Iterable[tuple[str, str]], origin: dict[str, Any]) -> dict[str, Any]:
    """`examples`: pairs such as (heading, text) or (label, text), those held out too. Their order changes nothing."""
    lines = sorted(
        hashlib.sha256(json.dumps(example, ensure_ascii=False).encode(errors="replace")).hexdigest()
        for example in examples
    )
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    return {"digest": digest, "examples": len(lines), "origin": origin}
