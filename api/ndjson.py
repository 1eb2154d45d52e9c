"""The lines of a body while it arrives, each with its number in the body."""

from collections.abc import AsyncIterator

from mainspring.errors import BodyTooLarge


async def numbered(
    chunks: AsyncIterator[bytes], longest: int
) -> AsyncIterator[tuple[int, bytes | BodyTooLarge]]:
    """From 1. The empty ones count and are left out; one that is too long is an error in its place."""
    rest, number, skipping = b"", 0, False
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            if skipping:
                skipping = False
            elif len(line) > longest:
                yield number, _too_long(longest)
            elif line.strip():
                yield number, line
        if len(rest) > longest:
            if not skipping:
                yield number + 1, _too_long(longest)
            rest, skipping = b"", True
    if rest.strip() and not skipping:
        yield number + 1, rest


def _too_long(longest: int) -> BodyTooLarge:
    return BodyTooLarge(f"the line exceeds {longest} bytes", remedy=f"Send at most {longest} bytes a line.")
