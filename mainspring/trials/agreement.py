"""How far two outputs of one task say the same, and whether one is what was expected. Pure."""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

MOST_WORDS = 2000  # of each text: comparing costs their product
_PART = re.compile(r"\s+|\w+|[^\w\s]")
_WORD = re.compile(r"\w+|[^\w\s]")


def agreement(one: Any, other: Any) -> float:
    """From 0, nothing in common, to 1, the same.

    Texts by the share of words that stand in both in the same order (Ratcliff and Obershelp, 1988); labels by whether
    the best one is the same; vectors by their cosine, not below 0; lists one by one.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in ("text", "answer"):
            if name in one and name in other:
                return _words(str(one[name]), str(other[name]))
        if "label" in one and "label" in other:
            return float(one["label"] == other["label"])
    if isinstance(one, list) and isinstance(other, list):
        if not one or len(one) != len(other):
            return float(one == other)
        if _is_vector(one) and _is_vector(other):
            return _cosine(one, other)
        return math.fsum(map(agreement, one, other)) / len(one)
    return float(one == other)


def differences(one: str, other: str) -> list[tuple[str, str]]:
    """The texts taken apart: ("same", …) is in both, ("a", …) in the first alone, ("b", …) in the second alone."""
    parts = [_PART.findall(text)[: 2 * MOST_WORDS] for text in (one, other)]
    found: list[tuple[str, str]] = []
    for verb, a, b, c, d in SequenceMatcher(None, parts[0], parts[1], autojunk=False).get_opcodes():
        if verb == "equal":
            found.append(("same", "".join(parts[0][a:b])))
            continue
        found += [
            (side, text)
            for side, text in (("a", "".join(parts[0][a:b])), ("b", "".join(parts[1][c:d])))
            if text
        ]
    return found


def right(output: Any, expected: str | None) -> bool | None:
    """A label or an answer is right if it is the expected one, a text if it contains it. None: nobody can say."""
    if expected is None or not isinstance(output, dict):
        return None
    wanted = _plain(expected)
    if "text" in output:
        return wanted in _plain(str(output["text"]))
    for name in ("label", "answer"):
        if name in output:
            return _plain(str(output[name])) == wanted
    return None


def _words(one: str, other: str) -> float:
    if one == other:
        return 1.0
    words = [_WORD.findall(text)[:MOST_WORDS] for text in (one, other)]
    return SequenceMatcher(None, words[0], words[1], autojunk=False).ratio()


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    product = math.fsum(a * b for a, b in zip(one, other, strict=True))
    return max(0.0, product / lengths) if lengths else float(list(one) == list(other))


def _is_vector(value: list[Any]) -> bool:
    return all(isinstance(part, float | int) and not isinstance(part, bool) for part in value)


def _plain(text: str) -> str:
    """Without regard to case and spaces."""
    return " ".join(text.casefold().split())
