"""What an alarm says: which requests are strange, by which words they are known, and what they are nearest to."""

import random

import numpy as np
from hypothesis import given, settings, strategies

from mainspring.monitor import terms
from mainspring.monitor.moved import moved
from mainspring.monitor.subjects import nearest, subjects
from tests.core.monitoring.traffic import about

KNOWN = [
    "the",
    "list",
    "of",
    "files",
    "that",
    "a",
    "string",
    "names",
    "and",
    "the",
    "class",
    "of",
    "an",
    "object",
]


def texts(count: int, own: list[str], seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join([*draw.choices(KNOWN, k=12), draw.choice(own)]) for _ in range(count)]


def test_the_words_of_the_new_subject_are_named_and_nobodys_own() -> None:
    old = terms.counted(texts(300, ["module", "python"], 1))
    new = terms.counted(
        [*texts(40, ["integral", "polynomial"], 2), "call me on 0170-1234 says Miss Havisham"]
    )
    named = terms.typical(new, 41, old, 300)
    assert set(named[:2]) == {"integral", "polynomial"}
    assert not {"havisham", "module", "the"} & set(named)


def test_without_a_difference_nothing_is_named() -> None:
    counts = terms.counted(texts(100, ["module"], 1))
    assert terms.typical(counts, 100, counts, 100) == []


@settings(deadline=None, max_examples=20)
@given(strategies.integers(0, 60), strategies.integers(0, 2**32 - 1))
def test_the_share_that_moved_is_found(strange: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    latest = np.concatenate([about(rng, 1, strange), about(rng, 0, 200 - strange)])
    found = moved(about(rng, 0, 600), latest)
    assert abs(found.share - strange / 200) < 0.12
    if strange >= 20:
        assert np.mean([place < strange for place in found.strange[:10]]) >= 0.9


def test_a_reference_is_known_by_its_subjects() -> None:
    rng = np.random.default_rng(3)
    vectors = np.concatenate([about(rng, 2, 150), about(rng, 5, 50)])
    known = subjects(vectors, [*texts(150, ["matrix"], 1), *texts(50, ["session"], 2)])
    assert abs(sum(one.share for one in known) - 1) < 1e-9
    like = nearest(known, about(rng, 5, 30))
    assert like is not None
    assert like.words[:1] == ["session"]
    assert nearest([], vectors) is None
