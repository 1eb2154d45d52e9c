"""Clean rows to plant in: different paragraphs of real documentation, of which no two are alike by another measure."""

import re
from collections.abc import Iterator

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from mainspring.curation.documents import docstrings
from mainspring.curation.shingles import canonical
from mainspring.curation.steps.personal import scrub
from mainspring.curation.steps.quality import fault

MODULES = ("sqlalchemy", "sklearn", "scipy", "pydoc_data.topics", "numpy")
WORDS = range(12, 80)
_SENTENCE = re.compile(r"[A-Z][^\n]*[.:]$", re.DOTALL)


def paragraphs(most: int) -> list[str]:
    """Prose that no step would touch by itself, without words shared by more than half between any two."""
    found = list(dict.fromkeys(_all()))
    kept = _different(found)
    return kept[:most]


def _all() -> Iterator[str]:
    for module in MODULES:
        for document in docstrings(module):
            for paragraph in re.split(r"\n\s*\n", document.text):
                text = " ".join(paragraph.split())
                prose = (
                    text[:1].isupper() and text.endswith(".") and not re.search(r">>>|::|\.\. |`{2}", text)
                )
                if prose and len(text.split()) in WORDS and scrub(text) == text and fault(text) is None:
                    yield text


def _different(texts: list[str]) -> list[str]:
    """By the Jaccard index of their words, each pair in turn."""
    counts = CountVectorizer(binary=True, token_pattern=r"\S+").fit_transform(list(map(canonical, texts)))
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    kept: list[int] = []
    for start in range(0, len(texts), 500):
        common = (counts[start : start + 500] @ counts.T).toarray()
        index = common / (sizes[start : start + 500, None] + sizes[None, :] - common)
        for row in range(len(index)):
            place = start + row
            if not (index[row, :place] > 0.5).any():
                kept.append(place)
    return [texts[place] for place in kept]
