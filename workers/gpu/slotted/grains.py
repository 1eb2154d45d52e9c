"""In which way each position of a request is worked out: by where it stands alone, so that no answer knows its batch.

Some are worked out one by one: the first ones, over which a product of its own for each prompt would cost more; and
those of an answer, also when it is read again. The others GRAIN at a time, from multiples of GRAIN on: numbers that are
made together are rounded together (docs/decisions/0031).
"""

from collections.abc import Iterator
from typing import NamedTuple

GRAIN = 32
SHORT = 5 * GRAIN  # the first positions


class Piece(NamedTuple):
    """Positions `begin` to `end`; `each`: one by one, else together."""

    begin: int
    end: int
    each: bool


def pieces(begin: int, end: int, asked: int) -> Iterator[Piece]:
    """Of the positions `begin` to `end` of a request whose prompt has `asked` tokens."""
    while begin < end:
        if begin < SHORT:
            piece = Piece(begin, min(end, SHORT), each=True)
        elif begin >= asked:
            piece = Piece(begin, end, each=True)
        else:
            stop = min(end, asked, begin - begin % GRAIN + GRAIN)
            piece = Piece(begin, stop, each=stop - begin == 1)
        yield piece
        begin = piece.end


def aligned(begin: int, tokens: int, left: int) -> int:
    """So many of `tokens` as may be read from `begin` on and cut no grain; `left`: of the whole request."""
    end = begin + tokens
    if tokens == left or end <= SHORT:
        return tokens
    return max(0, end - end % GRAIN - begin)


def alike(tokens: int, *prompts: int) -> int:
    """How many of the first `tokens`, which two requests have in common, each would have worked out in the same way.

    `prompts`: how many tokens each was asked.
    """
    if tokens <= SHORT:
        return tokens
    least = min(tokens, *prompts)
    return max(SHORT, least - least % GRAIN)
