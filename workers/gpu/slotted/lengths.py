"""How long the slots are, and how many fit into the cache. A few lengths only: each is a shape to compile."""

SHORTEST = 64


def length_for(needed: int, tokens: int) -> int:
    """The next of 64, 128, 192, 256, 384, 512, 768, 1024, ... and never more than the whole cache holds."""
    length = SHORTEST
    while length < needed:
        length += SHORTEST if length < 256 else _power_of_two_below(length) // 2
    return min(length, tokens)


def slots_for(length: int, tokens: int, most: int) -> int:
    """How many slots of that length the cache holds; one always."""
    return max(1, min(most, tokens // length))


def _power_of_two_below(number: int) -> int:
    return 1 << (number.bit_length() - 1)
