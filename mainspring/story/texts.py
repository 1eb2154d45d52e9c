"""What is asked, and what is wrong: passages of a subject's documentation, and documents whose words are out of order."""

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mainspring.curation.documents import docstrings
from mainspring.story.scale import Subject

LENGTH = 300  # characters of a passage
SHORTEST = 120
FEWEST_WORDS = 30  # of a document whose order is lost


def passages(subject: Subject, seed: int = 1) -> list[str]:
    """Different ones, in an order drawn by the seed. Raises DatasetRefused when a module is not installed.

    Of the first files, whose order is that of their digests: a sample of the whole, for a part of the reading.
    """
    found = list(dict.fromkeys(islice(_passages(subject), subject.most)))
    random.Random(seed).shuffle(found)  # noqa: S311  an order, not a secret
    return found


def _passages(subject: Subject) -> Iterator[str]:
    for module in subject.modules:
        for document in docstrings(module):
            for paragraph in document.text.split("\n\n"):
                text = " ".join(paragraph.split())
                if len(text) >= SHORTEST and not text.startswith((">>>", "..")):
                    yield text[:LENGTH].rpartition(" ")[0]


def poison(subject: Subject, folder: Path, many: int, seed: int = 1) -> int:
    """Documents of the subject with the words of each in another order, a file each; how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    draw, number = random.Random(seed), 0  # noqa: S311
    for number, words in enumerate(islice(_long_ones(subject), many), 1):
        draw.shuffle(words)
        (folder / f"{number:04}.txt").write_text(" ".join(words), encoding="utf-8", errors="replace")
    return number


def _long_ones(subject: Subject) -> Iterator[list[str]]:
    for module in subject.modules:
        for document in docstrings(module):
            words = document.text.split()
            if len(words) >= FEWEST_WORDS:
                yield words
