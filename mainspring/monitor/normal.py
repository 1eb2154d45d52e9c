"""What a reference holds, as arrays: values of each feature, and by which words its texts were about what. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from mainspring.monitor import terms
from mainspring.monitor.arrays import Arrays
from mainspring.monitor.batch import NUMBERS, VECTORS, Batch
from mainspring.monitor.features import SEGMENTED
from mainspring.monitor.segments import labels
from mainspring.monitor.subjects import Subject, subjects

MEASURED = (*VECTORS, *NUMBERS)  # the features that a reference has values of
_LEAST = 20  # numbers without which a column says nothing of what is normal
_MOST_WORDS = 20_000


def arrays_of(batch: Batch, asked: Mapping[UUID, str]) -> Arrays:
    """`asked`: the texts that are still there, by job."""
    return _values(batch) | _words(batch, asked)


def measured(arrays: Arrays) -> list[str]:
    return [name for name in MEASURED if name in arrays]


def with_others(arrays: Arrays, others: Arrays) -> Arrays:
    """With those features besides that only the others have. What it was about stays."""
    return {name: others[name] for name in measured(others)} | arrays


def words_of(arrays: Arrays) -> tuple[Counter[str], int]:
    """In how many of the reference's texts each word was, and how many texts there were."""
    found = _named(arrays)
    return Counter(found["counts"]), found["texts"]


def subjects_of(arrays: Arrays) -> list[Subject]:
    """What it was about."""
    named = _named(arrays)["subjects"]
    return [
        Subject(one["words"], one["share"], centre)
        for one, centre in zip(named, arrays.get("centres", []), strict=True)
    ]


def _named(arrays: Arrays) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(arrays["words"].tobytes())
    return found


def _values(batch: Batch) -> Arrays:
    found: Arrays = {}
    places, _ = batch.vectors[SEGMENTED]
    found["segments"] = np.array([labels(batch, place) for place in places], np.str_)
    for name in VECTORS:
        _, rows = batch.vectors[name]
        if len(rows) >= _LEAST:
            found[name] = rows.astype(np.float16)
    for name, column in batch.numbers.items():
        known = column[np.isfinite(column)]
        if len(known) >= _LEAST:
            found[name] = known
    return found


def _words(batch: Batch, asked: Mapping[UUID, str]) -> Arrays:
    """Words that few texts hold are left out, and with them what is somebody's own."""
    counts = terms.counted(asked.values())
    kept = {word: count for word, count in counts.most_common(_MOST_WORDS) if count >= terms.HELD_BY}
    places, vectors = batch.vectors["words_prompt"]
    with_text = [row for row, place in enumerate(places) if batch.jobs[place] in asked]
    found = (
        subjects(vectors[with_text], [asked[batch.jobs[places[row]]] for row in with_text])
        if with_text
        else []
    )
    named = {
        "counts": kept,
        "texts": len(asked),
        "subjects": [{"words": one.words, "share": one.share} for one in found],
    }
    centres = {"centres": np.stack([one.centre for one in found])} if found else {}
    return {"words": np.frombuffer(orjson.dumps(named), np.uint8), **centres}
