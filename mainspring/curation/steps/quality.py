"""Text that teaches nothing: noise, repetition, what a machine left. Few rules, each of them from the literature.

Those of MassiveText (Rae et al., Scaling language models, 2021, appendix A.1: Gopher) on letters, symbols and repetition,
and those of C4 (Raffel et al., JMLR 2020) on fillers. Their rules on length and on stop words are not here: what is asked
of a deployment is short, and in any language. Rules on repetition wait for as many words as they can judge by.
"""

import re
from collections import Counter

from mainspring.curation.rows import Row

LETTERS, ONE, SYMBOLS = "hardly any letters", "mostly one character", "mostly symbols"
WORDS, LINES, PHRASES = (
    "the same word over and over",
    "the same lines over and over",
    "the same phrases over and over",
)
ENCODED, GARBLED, FILLER, ELLIPSES = (
    "encoded data",
    "garbled characters",
    "filler text",
    "lines that break off",
)
MOST = 50_000  # characters that are looked at
_WORD = re.compile(r"\w+")
_RULES = re.compile(r"^[\W_]+$", re.MULTILINE)
_CODED = re.compile(r"[A-Za-z0-9+/=_-]{120,}")
_GARBLED = re.compile("\ufffd|[\u00c2\u00c3\u00e2][\u0080-\u00bf\u20ac\u2122\u0153\u201a\u201e\u02c6]")


def quality(row: Row) -> Row | str:
    return fault(row.content) or row


def fault(text: str) -> str | None:
    """What is wrong with a text; None: nothing."""
    text = text[:MOST]
    return _of_characters(text) or _of_words(text) or _of_lines(text)


def _of_characters(text: str) -> str | None:
    solid = "".join(text.split())
    many, letters = len(solid), any(map(str.isalpha, solid))
    if not letters or many < 10:
        sum_or_so = many <= 20 and any(map(str.isdigit, solid))  # which may be asked for
        return None if letters or sum_or_so else LETTERS
    faults = {
        ONE: Counter(solid).most_common(1)[0][1] > 0.5 * many,
        SYMBOLS: _symbols(text) > 0.6,
        ENCODED: sum(map(len, _CODED.findall(text))) > 0.5 * many,
        GARBLED: 4 * len(_GARBLED.findall(text)) > 0.05 * many,
        FILLER: "lorem ipsum" in text[:2000].lower(),
    }
    return next((fault for fault, is_so in faults.items() if is_so), None)


def _symbols(text: str) -> float:
    """The share of them; the lines and bars of a table are none."""
    solid = "".join(_RULES.sub("", text).replace("|", "").split())
    return 1 - sum(map(str.isalnum, solid)) / len(solid) if solid else 1.0


def _of_words(text: str) -> str | None:
    pieces = [piece for piece in text.split() if any(map(str.isalnum, piece))]
    if len(pieces) >= 8 and sum(any(map(str.isalpha, piece)) for piece in pieces) < 0.5 * len(pieces):
        return LETTERS
    words = _WORD.findall(text.lower())
    if len(words) < 8:
        return None
    if Counter(words).most_common(1)[0][1] > 0.4 * len(words):
        return WORDS
    return PHRASES if len(words) >= 20 and _repeats(words) else None


def _repeats(words: list[str]) -> bool:
    """The most frequent phrase of so many words covers more than this share of the characters (its table A1)."""
    total = sum(map(len, words))
    for size, most in ((2, 0.25), (3, 0.22), (4, 0.2)):
        phrases = Counter(zip(*(words[start:] for start in range(size)), strict=False))
        phrase, times = phrases.most_common(1)[0]
        if times >= 4 and times * sum(map(len, phrase)) > most * total:
            return True
    return False


def _of_lines(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 6:
        return None
    if len(set(lines)) < 0.5 * len(lines) and sum(map(len, set(lines))) < 0.5 * sum(map(len, lines)):
        return LINES
    return ELLIPSES if sum(line.endswith(("...", "\u2026")) for line in lines) > 0.5 * len(lines) else None
