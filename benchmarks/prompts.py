"""The prompts that every contestant gets: 10 to 80 words of real text."""

import random

from benchmarks.random_llama import corpus

NEW_TOKENS = 64


def prompts(count: int, number: int = 0) -> list[str]:
    """Of a round the same ones every time; each has its own, since many engines keep what they have read."""
    words = " ".join(corpus()).split()
    draw = random.Random(7 + number)
    made = []
    for _ in range(count):
        length = draw.randint(10, 80)
        begin = draw.randrange(len(words) - length)
        made.append(" ".join(words[begin : begin + length]))
    return made
