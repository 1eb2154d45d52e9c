"""Identifiers that sort by time: UUID version 7 (RFC 9562, section 5.7), with clock and randomness as seams."""

import secrets
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID


def uuid7(clock: Callable[[], float] = time.time, randbits: Callable[[int], int] = secrets.randbits) -> UUID:
    """48 bits of milliseconds since the epoch, then 74 random bits."""
    milliseconds = int(clock() * 1000) & (2**48 - 1)
    drawn = randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | drawn >> 62 << 64 | 0b10 << 62 | drawn & (2**62 - 1)
    return UUID(int=value)


def earliest(at: datetime) -> UUID:
    """No identifier that was made at that moment or later sorts before it."""
    return uuid7(at.timestamp, lambda _: 0)
