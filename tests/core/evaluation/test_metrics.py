"""Each metric is what the well-known packages say it is, of both versions, with an interval."""

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu import sentence_chrf
from sklearn.metrics import f1_score

from mainspring.evaluation.items import Item
from mainspring.evaluation.metrics import answers as written
from mainspring.evaluation.metrics.answers import Answer
from mainspring.evaluation.metrics.calibration import Judged, Sure, calibration
from mainspring.evaluation.metrics.labels import macro_f1
from mainspring.evaluation.metrics.likelihood import likelihood
from mainspring.evaluation.metrics.robustness import robustness, unchanged
from mainspring.evaluation.metrics.speed import latency, throughput
from mainspring.evaluation.results import Estimate, Measured

LABELS = ("billing", "delivery", "returns", "other")


def value(one: Estimate | None) -> float:
    assert one is not None
    return one.value


def labelled(count: int = 200, right: float = 0.6, better: float = 0.25) -> list[Answer]:
    """The challenger is right more often."""
    draw = np.random.default_rng(4)
    truth = draw.choice(4, count, p=[0.5, 0.3, 0.15, 0.05])
    said = [
        np.where(draw.random(count) < share, truth, draw.integers(0, 4, count))
        for share in (right + better, right)
    ]
    rows = zip(truth, *said, strict=True)
    return [Answer((LABELS[true],), LABELS[own], LABELS[other]) for true, own, other in rows]


def test_accuracy() -> None:
    found = written.accuracy("new", labelled(), 0.95)
    own = np.mean([one.challenger in one.expected for one in labelled()])
    other = np.mean([one.champion in one.expected for one in labelled()])
    assert found.name == "accuracy.new"
    assert (value(found.challenger), value(found.champion)) == pytest.approx((own, other))
    assert value(found.difference) == pytest.approx(own - other)
    assert found.difference is not None
    assert found.difference.low is not None
    assert 0 < found.difference.low < own - other
    alone = written.accuracy("new", [Answer(("yes",), "yes")] * 50, 0.95)
    assert (alone.champion, alone.difference) == (None, None)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    given = labelled()
    found = macro_f1("old", given, 0.95)
    truth = [one.expected[0] for one in given]
    for ours, theirs in (
        (found.challenger, [one.challenger for one in given]),
        (found.champion, [one.champion for one in given]),
    ):
        assert value(ours) == pytest.approx(f1_score(truth, theirs, average="macro"))
    assert value(found.difference) == pytest.approx(value(found.challenger) - value(found.champion))
    assert macro_f1("old", [], 0.95).challenger is None


def test_a_label_that_nobody_expected_is_a_wrong_answer() -> None:
    given = [Answer(("a",), "nonsense"), Answer(("a",), "a"), Answer(("b",), "b")]
    assert value(macro_f1("x", given, 0.95).challenger) == pytest.approx((2 / 3 + 1) / 2)


def test_of_answers_that_are_all_right_macro_f1_is_not_sure_either() -> None:
    given = [Answer((LABELS[number % 4],), LABELS[number % 4], LABELS[number % 4]) for number in range(80)]
    found = macro_f1("x", given, 0.95)
    assert found.difference is not None
    assert found.difference.low == pytest.approx(-0.165, abs=0.01)
    assert found.challenger is not None
    assert found.challenger.high == 1.0


def test_chrf_and_rouge_are_those_of_the_packages() -> None:
    pairs = [
        ("the cat sat on the mat", "a cat sat on a mat"),
        ("all is well", "nothing is"),
        ("same words", "same words"),
    ]
    given = [Answer((expected,), answer, expected) for answer, expected in pairs]
    chrf, rouge = written.chrf("x", given, 0.95), written.rouge_l("x", given, 0.95)
    scorer = RougeScorer(["rougeL"])
    assert value(chrf.challenger) == pytest.approx(np.mean([sentence_chrf(a, [b]).score for a, b in pairs]))
    assert value(rouge.challenger) == pytest.approx(
        np.mean([scorer.score(b, a)["rougeL"].fmeasure for a, b in pairs])
    )
    assert (value(chrf.champion), value(rouge.champion)) == pytest.approx((100.0, 1.0))


def test_words_of_any_script() -> None:
    assert written.words("Größe, café, 東京 и мир_1") == ["grösse", "café", "東", "京", "и", "мир", "1"]
    assert written.longest_common("мир труд май", ["мир май"]) == pytest.approx(0.8)
    assert written.longest_common("東京都", ["東京"]) == pytest.approx(0.8)


def test_short_answers_match_without_case_and_marks_and_by_their_words() -> None:
    given = [Answer(("The Nile", "Nile"), "the nile."), Answer(("Paris",), "in Paris"), Answer(("x",), "")]
    assert value(written.exact_match("x", given, 0.95).challenger) == pytest.approx(1 / 3)
    assert value(written.answer_f1("x", given, 0.95).challenger) == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_likelihood_is_by_token_not_by_text() -> None:
    items = [
        Item(str(number), -30.0 * (1 + number % 2), -40.0, 10.0 * (1 + number % 2)) for number in range(20)
    ]
    found = likelihood("old", items, 0.95)
    assert (value(found.challenger), value(found.champion)) == pytest.approx((-3.0, -40 * 20 / 300))
    assert (found.unit, found.better) == ("nats per token", "higher")


def test_calibration_by_hand() -> None:
    items = [
        Judged(Sure(0.95, right=number % 2 == 0), Sure(0.55, right=number % 2 == 0)) for number in range(40)
    ]
    found = calibration("x", items, 0.95)
    assert (value(found.challenger), value(found.champion)) == pytest.approx((0.45, 0.05))
    assert found.better == "lower"
    assert value(found.gain) == pytest.approx(-0.4)
    assert calibration("x", [], 0.95).challenger is None


def test_robustness_is_what_stays_the_same() -> None:
    assert unchanged("Yes.", ["yes", " YES!", "no"]) == pytest.approx(2 / 3)
    found = robustness("x", [Item("", 1.0, 0.5)] * 40, 0.95)
    assert (value(found.challenger), value(found.difference)) == (1.0, 0.5)


def test_seconds_are_better_when_they_are_fewer() -> None:
    slow = latency([Item("", 1.0 + number / 100, 1.0) for number in range(40)], 0.95)
    assert slow.gain is not None
    assert slow.gain.high is not None
    assert slow.gain.high < 0
    assert value(throughput([Item("", 30.0, 30.0, 2.0, 3.0)] * 9, 0.95).difference) == pytest.approx(5.0)


def test_nothing_is_said_of_nothing() -> None:
    for found in (written.accuracy("x", [], 0.95), latency([], 0.95)):
        assert isinstance(found, Measured)
        assert (found.challenger, found.items) == (None, 0)
