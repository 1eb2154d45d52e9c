"""Text that comes piece by piece is the text that comes at once, whatever the characters and the cuts."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.models import byte_level, word_piece
from workers.gpu.sampling import Sampling, choose, uniform
from workers.gpu.text import Pieces, StopStrings

BYTES, WORDS = byte_level(), word_piece()
TEXT = st.text(st.sampled_from("ab c\n時計👩‍👩‍👧é\u200d"), max_size=30)


def _cut(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_pieces_of_any_text_are_whole_characters_and_join(text: str) -> None:
    pieces = Pieces(BYTES)
    given_out = [pieces.push([token]) for token in BYTES(text)["input_ids"]]
    assert "".join(given_out) + pieces.finish() == text
    assert not any("\ufffd" in piece for piece in given_out)


@given(st.lists(st.integers(0, 399), max_size=40))
@settings(max_examples=200, deadline=None)
def test_pieces_of_any_tokens_join_to_what_decodes_at_once(tokens: list[int]) -> None:
    pieces = Pieces(BYTES)
    given_out = "".join(pieces.push([token]) for token in tokens) + pieces.finish()
    # NUL cannot be stored, so it is shown as what a decoder writes for what it cannot show.
    assert given_out == BYTES.decode(tokens, skip_special_tokens=True).replace("\0", "\ufffd")


def test_word_pieces_join_with_their_spaces() -> None:
    tokens = WORDS("The mainspring of a watch runs down, again.", add_special_tokens=False)["input_ids"]
    pieces = Pieces(WORDS)
    assert "".join(pieces.push([token]) for token in tokens) + pieces.finish() == WORDS.decode(tokens)


@given(
    st.text("abc", max_size=20),
    st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 20)),
)
@settings(max_examples=500, deadline=None)
def test_where_a_stop_string_cuts_does_not_depend_on_the_pieces(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    def run(pieces: list[str]) -> tuple[str, bool]:
        stop = StopStrings(stops)
        out = "".join(stop.push(piece) for piece in pieces)
        assert text.startswith(out)
        return out + stop.finish(), stop.found

    assert run(_cut(text, cuts)) == run(list(text)) == run([text])
    out, found = run([text])
    assert found == any(stop in text for stop in stops)
    assert not any(stop in out for stop in stops)


def test_samples_follow_the_softmax_within_their_limits() -> None:
    scores = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    wanted = (scores / 0.7).softmax(-1)[0]
    plain = [_draw(scores, Sampling(seed, 0.7)) for seed in range(2000)]
    for token, share in enumerate(wanted.tolist()):
        assert plain.count(token) / 2000 == pytest.approx(share, abs=0.04)
    assert {_draw(scores, Sampling(seed, 0.7, top_k=2)) for seed in range(500)} == {0, 1}
    assert {_draw(scores, Sampling(seed, 0.7, top_p=0.9)) for seed in range(500)} == {0, 1}
    assert {_draw(scores, Sampling(seed, 5.0, top_k=3, top_p=0.99)) for seed in range(500)} == {0, 1, 2}


def test_a_nucleus_wider_than_the_first_look_is_whole() -> None:
    scores = torch.zeros(1, 5000)
    drawn = {_draw(scores, Sampling(seed, 1.0, top_p=0.9)) for seed in range(1500)}
    assert len(drawn) > 1050


def test_randomness_is_spread_and_repeats() -> None:
    numbers = [uniform(seed, position) for seed in range(50) for position in range(50)]
    assert numbers == [uniform(seed, position) for seed in range(50) for position in range(50)]
    assert all(0 <= number < 1 for number in numbers)
    assert sum(numbers) / len(numbers) == pytest.approx(0.5, abs=0.02)


def _draw(scores: torch.Tensor, sampling: Sampling) -> int:
    return int(choose(scores, [sampling], [3])[0])
