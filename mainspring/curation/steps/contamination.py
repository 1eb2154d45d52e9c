"""Whether a row holds what an evaluation asks: then it must not train, or the evaluation would measure memory.

Of a long item, any 13 words in a row that the row has, too (Brown et al., GPT-3, 2020, appendix C), unless more than ten
items have them, as licences and templates do. A shorter item is looked for by its triples of words, of which the row has to
have seven in ten, as PaLM did with longer ones (Chowdhery et al., JMLR 2023, section 8): so that a changed word does not
hide it. An item of a few words has to be the whole of a row's question. Nothing is removed here: the split decides.
"""

from collections import Counter

from mainspring.curation.rows import Kind, Row
from mainspring.curation.shingles import canonical
from mainspring.curation.texts import parts

LONG = 13  # words in a row
COMMON = 10  # items
SHORT = 25  # words: of such an item the triples are looked at
FEWEST = 6
LEAST_ANSWER = 13  # words: a shorter answer may be anybody's
COVERED = 0.7
_FAR = 8  # times as many words as the item has: then all of its triples have to be there


class Evaluations:
    """Items are added, then rows are looked at. Takes about 100 bytes for each word of an item."""

    def __init__(self) -> None:
        self.items = 0
        self._runs: Counter[int] = Counter()
        self._triples: dict[int, list[int]] = {}
        self._needed: list[tuple[int, int]] = []  # triples and words of each short item
        self._whole: set[int] = set()

    def add(self, row: Row) -> None:
        """What is asked, and answers that are long enough to be known again."""
        asked, *answers = parts(row)
        if row.kind in (Kind.CHAT, Kind.PREFERENCE):
            asked = next((one.content for one in reversed(row.messages) if one.role == "user"), asked)
        self.add_text(asked)
        for answer in answers:
            self.add_text(answer, least=LEAST_ANSWER)

    def add_text(self, text: str, least: int = 1) -> None:
        words = canonical(text).split()
        if len(words) < least:
            return
        self.items += 1
        if len(words) < FEWEST:
            self._whole.add(hash(tuple(words)))
        for run in set(_runs(words)):
            self._runs[run] += 1
        if FEWEST <= len(words) < SHORT:
            triples = set(_triples(words))
            for triple in triples:
                self._triples.setdefault(triple, []).append(len(self._needed))
            self._needed.append((len(triples), len(words)))

    def holds(self, row: Row) -> bool:
        """Whether the row has an item in it."""
        return self.items > 0 and any(self._in(canonical(part).split()) for part in parts(row))

    def _in(self, words: list[str]) -> bool:
        if len(words) < FEWEST:
            return hash(tuple(words)) in self._whole
        if any(0 < self._runs.get(run, 0) <= COMMON for run in _runs(words)):
            return True
        found: Counter[int] = Counter()
        for triple in set(_triples(words)):
            if triple in self._triples:
                found.update(self._triples[triple])
        return any(times >= self._enough(item, len(words)) for item, times in found.items())

    def _enough(self, item: int, words: int) -> float:
        triples, own = self._needed[item]
        return triples * (COVERED if words <= _FAR * own else 1)


def _runs(words: list[str]) -> list[int]:
    return [hash(tuple(words[start : start + LONG])) for start in range(len(words) - LONG + 1)]


def _triples(words: list[str]) -> list[int]:
    return list(map(hash, zip(words, words[1:], words[2:], strict=False)))
