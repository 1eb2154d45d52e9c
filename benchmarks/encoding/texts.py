"""The texts that every contestant gets: three short paragraphs of real text to one longer, in a drawn order."""

import random

from benchmarks.random_llama import corpus

SHORT, LONGER = range(6, 25), range(25, 121)  # words
MOST_CHARACTERS = 700  # within what sentence-transformers reads of a text: nobody gets away with less work


def texts(count: int) -> list[str]:
    """The same ones every time, none of them twice."""
    draw = random.Random(11)
    paragraphs = [one for one in dict.fromkeys(corpus()) if len(one) <= MOST_CHARACTERS]
    longer = _of(paragraphs, LONGER, count // 4, draw)
    chosen = longer + _of(paragraphs, SHORT, count - len(longer), draw)
    draw.shuffle(chosen)
    return chosen


def _of(paragraphs: list[str], words: range, count: int, draw: random.Random) -> list[str]:
    return draw.sample([one for one in paragraphs if len(one.split()) in words], count)
