"""What was done to a hash chain, told from what is left of it. Pure.

A link's hash is SHA-256 over the previous link's hash and its own text, which begins with its place. Whoever rewrites
everything from a link to the end, and the head as well, leaves no trace inside: note the head elsewhere.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GENESIS = bytes(32)  # what the first link follows


@dataclass(frozen=True)
class Link:
    """`body`: the text without the place. `position`: where it says that it stands."""

    position: int
    previous: bytes
    hash: bytes
    body: str

    def sound(self, place: int) -> bool:
        """Whether its hash is what this place and its body make."""
        return digest(self.previous, place, self.body) == self.hash


class Trouble(StrEnum):
    """What was done to an event."""

    EDITED = "edited"
    REMOVED = "removed"
    SWAPPED = "swapped"
    INSERTED = "inserted"


@dataclass(frozen=True, order=True)
class Finding:
    """`position`: where the event stands, or stood; `other`: with which it was swapped."""

    position: int
    trouble: Trouble
    other: int | None = None


def digest(previous: bytes, place: int, body: str) -> bytes:
    return hashlib.sha256(previous + f"{place} {body}".encode()).digest()


def diagnose(links: Sequence[Link], head: tuple[int, bytes]) -> list[Finding]:
    """Every event that was tampered with, by position. `head`: the place and hash of the last one."""
    walk = _Walk(links, head)
    walk.follow()
    return sorted({*walk.findings, *walk.swapped(), *walk.edited(), *walk.inserted()})


class _Walk:
    """From the first link to the head, by hashes; `places` is what is found to stand where."""

    def __init__(self, links: Sequence[Link], head: tuple[int, bytes]) -> None:
        self._links, self._head = links, head
        self._after: dict[bytes, list[Link]] = defaultdict(list)
        for link in links:
            self._after[link.previous].append(link)
        self._hashes = {link.hash for link in links} | {GENESIS}
        self._used: set[int] = set()  # identities of those that have a place
        self.places: dict[int, Link] = {}
        self.findings: list[Finding] = []

    def follow(self) -> None:
        place, behind = 1, GENESIS
        while True:
            link, there = self._next(behind, place), place
            if link is None:
                if self._stops_early(place, behind):
                    self.findings.append(Finding(place - 1, Trouble.EDITED))  # it has another hash now
                link, there = self._resume(place)
                self._missing(place, there)
            if link is None:
                return
            self.places[there] = link
            self._used.add(id(link))
            place, behind = there + 1, link.hash

    def swapped(self) -> list[Finding]:
        """Two that stand in each other's place, or have each other's words."""
        at = {place: link.position for place, link in self.places.items() if link.position != place}
        found = [
            Finding(place, Trouble.SWAPPED, there) for place, there in at.items() if at.get(there) == place
        ]
        wrong = self._wrong()
        for one in wrong:
            for other in wrong:
                mine, theirs = self.places[one], self.places[other]
                if one != other and digest(mine.previous, one, theirs.body) == mine.hash:
                    found.append(Finding(one, Trouble.SWAPPED, other))
        return found

    def edited(self) -> list[Finding]:
        exchanged = {found.position for found in self.swapped()}
        return [Finding(place, Trouble.EDITED) for place in self._wrong() if place not in exchanged]

    def inserted(self) -> list[Finding]:
        told = {found.position for found in self.findings if found.trouble is Trouble.EDITED}
        strange = [link for link in self._links if id(link) not in self._used]
        return [Finding(link.position, Trouble.INSERTED) for link in strange if link.position not in told]

    def _wrong(self) -> list[int]:
        return [place for place, link in self.places.items() if not link.sound(place)]

    def _next(self, behind: bytes, place: int) -> Link | None:
        """What follows; of several the one that others follow."""
        found = [link for link in self._after.get(behind, []) if id(link) not in self._used]
        found.sort(
            key=lambda link: (link.hash in self._after or link.hash == self._head[1], link.sound(place))
        )
        return found[-1] if found else None

    def _stops_early(self, place: int, behind: bytes) -> bool:
        """Whether nothing is missing, and still nothing follows the last one, or the head is not it."""
        at_end = place > self._head[0]
        return place > 1 and (behind != self._head[1] if at_end else self._resume(place)[1] == place)

    def _resume(self, place: int) -> tuple[Link | None, int]:
        """The first link further on whose predecessor is gone, and its place; None: the head's end is reached."""
        end = self._head[0] + 1
        for link in self._links:
            if id(link) in self._used or link.previous in self._hashes:
                continue
            there = next(
                (at for at in (link.position, *range(place, end)) if at >= place and link.sound(at)), None
            )
            if there is not None:
                return link, there
        return None, max(place, end)

    def _missing(self, first: int, end: int) -> None:
        """Whose place is taken by one that nobody follows was edited; else it was removed."""
        taken = {
            link.position
            for link in self._links
            if id(link) not in self._used and link.hash not in self._after and link.hash != self._head[1]
        }
        for place in range(first, end):
            trouble = Trouble.EDITED if place in taken else Trouble.REMOVED
            self.findings.append(Finding(place, trouble))
