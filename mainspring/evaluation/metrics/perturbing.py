"""Small changes to a text that leave its meaning: case, spaces, typing, punctuation. The same seed makes the same ones."""

import random
from collections.abc import Callable

_BESIDE = {  # keys beside each other
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_MARKS = ".,;:!?"


def perturbed(text: str, seed: int) -> dict[str, str]:
    """By kind. One that finds nothing to change leaves the text as it is, and is not there."""
    made = {name: change(text, _draw(f"{seed} {name} {text}")) for name, change in KINDS.items()}
    return {name: one for name, one in made.items() if one != text}


def _draw(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311  a text is changed, nothing is kept secret


def case(text: str, draw: random.Random) -> str:
    """All small, or all large, letters."""
    return text.lower() if text != text.lower() and draw.random() < 0.5 else text.upper()


def spaces(text: str, draw: random.Random) -> str:
    """One space in five is two; one more at an end."""
    made = "".join("  " if sign == " " and draw.random() < 0.2 else sign for sign in text)
    return f" {made}" if draw.random() < 0.5 else f"{made} "


def typing(text: str, draw: random.Random) -> str:
    """In one word of ten, at least in one, of four letters and more: two letters exchanged, one left out, twice, or
    another key beside it."""
    words = text.split(" ")
    long = [number for number, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    for number in draw.sample(long, min(len(long), max(1, len(words) // 10))):
        words[number] = _mistyped(words[number], draw)
    return " ".join(words)


def punctuation(text: str, draw: random.Random) -> str:
    """The mark at the end left out, or one put there; or one between words left out."""
    between = [number for number, sign in enumerate(text[:-1]) if sign in ",;:"]
    if between and draw.random() < 0.5:
        at = draw.choice(between)
        return text[:at] + text[at + 1 :]
    bare = text.rstrip(_MARKS)
    return bare if bare != text else f"{text}{draw.choice('.!')}"


def _mistyped(word: str, draw: random.Random) -> str:
    at = draw.randrange(1, len(word) - 1)
    beside = _BESIDE.get(word[at].lower())
    ways = [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        *([] if beside is None else [word[:at] + draw.choice(beside) + word[at + 1 :]]),
    ]
    return draw.choice([one for one in ways if one != word])


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "case": case,
    "spaces": spaces,
    "typing": typing,
    "punctuation": punctuation,
}
