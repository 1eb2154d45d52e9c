"""How far two outputs say the same: symmetric where it should be, 1 for equals, and the words of people's expectations."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.trials.agreement import agreement, differences, right

TEXTS = st.text(alphabet="ab .,\n", max_size=60)
OUTPUTS: st.SearchStrategy[Any] = st.one_of(
    TEXTS.map(lambda text: {"text": text}),
    st.sampled_from(["good", "bad"]).map(lambda label: {"label": label, "score": 0.5}),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8),
    st.lists(TEXTS.map(lambda text: {"answer": text}), max_size=3),
)


@given(one=OUTPUTS, other=OUTPUTS)
def test_it_is_a_share(one: Any, other: Any) -> None:
    assert 0.0 <= agreement(one, other) <= 1.0 + 1e-9
    assert agreement(one, one) == pytest.approx(1.0)


@given(one=TEXTS, other=TEXTS)
def test_differences_hold_both_texts(one: str, other: str) -> None:
    found = differences(one, other)
    assert "".join(text for side, text in found if side != "b") == one
    assert "".join(text for side, text in found if side != "a") == other


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ({"text": "The sky is blue."}, {"text": "The sky is blue."}, 1, 1),
        ({"text": "The sky is blue."}, {"text": "The sky is green."}, 0.7, 0.9),
        ({"text": "The sky is blue."}, {"text": "Nobody knows"}, 0, 0.1),
        ({"label": "good", "score": 0.9}, {"label": "good", "score": 0.6}, 1, 1),
        ({"label": "good", "score": 0.9}, {"label": "bad", "score": 0.9}, 0, 0),
        ([1.0, 0.0], [0.0, 1.0], 0, 0),
        ([1.0, 1.0], [2.0, 2.0], 1, 1),
        ([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], 0.5, 0.5),
        ([{"label": "a"}], [{"label": "a"}, {"label": "b"}], 0, 0),
        ({"text": "a"}, None, 0, 0),
    ],
)
def test_as_one_would_say(one: Any, other: Any, least: float, most: float) -> None:
    assert least - 1e-9 <= agreement(one, other) <= most + 1e-9


@pytest.mark.parametrize(
    ("output", "expected", "said"),
    [
        ({"text": "It is  Paris, of course"}, "it is paris", True),
        ({"text": "London"}, "Paris", False),
        ({"label": "Good"}, "good", True),
        ({"label": "not good"}, "good", False),
        ({"answer": "Paris"}, "paris", True),
        ({"text": "anything"}, None, None),
        ([0.1, 0.2], "Paris", None),
    ],
)
def test_what_is_right(output: Any, expected: str | None, *, said: bool | None) -> None:
    assert right(output, expected) is said
