"""Documents near to what is asked of late: so that a drift towards a subject fetches what is known of that subject.

Each document's cosine with its three nearest texts of the traffic, by TF-IDF (scikit-learn), in the mean; the nearest
documents are taken. No text of the traffic is learned from here: it only chooses.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mainspring.curation.found import Found, SetAside
from mainspring.curation.plan import Library, Upload
from mainspring.curation.rows import Row
from mainspring.curation.sources import docstrings, uploads
from mainspring.curation.sources.asked import said_by_people
from mainspring.curation.sources.jobs import Wanted, jobs
from mainspring.curation.surroundings import Surroundings

ASKED = 2000  # texts of the traffic, the newest
LOOKED_AT = 20_000  # characters of a document
_NEIGHBOURS = 3
_BLOCK = 500  # documents


def rows(library: Library, around: Surroundings, since: datetime | None) -> Iterator[Found]:
    """Those taken, in the library's own order. Nothing if nothing was asked. The library has to fit in memory."""
    texts = asked(around, since)
    if not texts:
        return
    documents: list[Row] = []
    for found in _all(library):
        if isinstance(found, SetAside):
            yield found
        elif found.text.strip():
            documents.append(found)
    for place in nearest([f"{one.heading}\n{one.text}" for one in documents], texts, library.nearest):
        yield documents[place]


def asked(around: Surroundings, since: datetime | None) -> list[str]:
    """Of whoever did not forbid to learn from it."""
    wanted = Wanted("contract", since, ASKED)
    return [text for job in jobs(around, wanted) for text in said_by_people(job.input)][-ASKED:]


def nearest(documents: list[str], texts: list[str], most: int) -> list[int]:
    """The places of the documents that are nearest to some of the texts, in order; none that has no word of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not documents:
        return []
    weighing = TfidfVectorizer(
        sublinear_tf=True, stop_words="english", max_features=200_000, dtype=np.float32
    )
    try:
        ours = weighing.fit_transform([one[:LOOKED_AT] for one in documents])
    except ValueError:  # not one word in all of them
        return []
    theirs = weighing.transform(texts).T.tocsr()
    near = np.concatenate(
        [
            _means((ours[start : start + _BLOCK] @ theirs).toarray())
            for start in range(0, len(documents), _BLOCK)
        ]
    )
    best = np.argsort(-near, kind="stable")[:most]
    return sorted(best[near[best] > 0].tolist())


def _means(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """[documents, texts] to [documents]"""
    many = min(_NEIGHBOURS, cosines.shape[1])
    best = np.partition(cosines, cosines.shape[1] - many, axis=1)[:, -many:]
    return np.asarray(best.mean(axis=1), np.float32)


def _all(library: Library) -> Iterator[Found]:
    if library.docstrings:
        yield from docstrings.texts(library.docstrings, library.licence, "curate.library.docstrings")
    if library.folder:
        yield from uploads.rows(
            Upload(path=library.folder, licence=library.licence), "curate.library", path_field="folder"
        )
