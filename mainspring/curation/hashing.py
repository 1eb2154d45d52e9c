"""Numbers of 64 bits that stand for texts: the same everywhere and always."""

from hashlib import blake2b

from mainspring.curation.rows import Row


def number_of(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest(), "little")


def same(row: Row) -> int:
    """Equal for rows that say the same, without regard to case and space. A label is not part of it."""
    return number_of(f"{row.kind.value}\n{' '.join(row.content.lower().split())}")
