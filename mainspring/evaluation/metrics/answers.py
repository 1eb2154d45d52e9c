"""How far answers are what was expected, item by item: labels, short answers, translations, summaries."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mainspring.evaluation.items import ONE_BY_ONE, Item
from mainspring.evaluation.pairing import Scale, measured
from mainspring.evaluation.results import Measured

Score = Callable[[str, Sequence[str]], float]
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+")  # of scripts without spaces each sign is one


@dataclass(frozen=True, slots=True)
class Answer:
    """`expected`: each of them is right; at least one. `champion` None: there is none. `source`: see Item."""

    expected: tuple[str, ...]
    challenger: str
    champion: str | None = None
    source: str = ONE_BY_ONE


def accuracy(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`accuracy.<name>`: the share of answers that are what was expected, to the letter, such as labels."""
    return _scored(Scale(f"accuracy.{name}", "share of answers", top=1.0), answers, level, is_right)


def exact_match(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`exact_match.<name>`: the same for what is written freely: case, punctuation and spaces do not count."""
    return _scored(Scale(f"exact_match.{name}", "share of answers", top=1.0), answers, level, is_match)


def answer_f1(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`f1.<name>` of short answers: of each the harmonic mean of precision and recall of its words (Rajpurkar, SQuAD)."""
    return _scored(Scale(f"f1.{name}", "share of words", top=1.0), answers, level, word_f1)


def chrf(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`chrf.<name>`: the mean chrF of an answer, 0 to 100, by sacrebleu (Popović 2015)."""
    return _scored(Scale(f"chrf.{name}", "points of 100", top=100.0), answers, level, sentence_chrf)


def rouge_l(name: str, answers: Sequence[Answer], level: float) -> Measured:
    """`rouge_l.<name>`: the mean F-measure of the longest common subsequence of words, 0 to 1, by rouge-score (Lin 2004).

    Words of any script, where the package itself knows English letters alone.
    """
    return _scored(Scale(f"rouge_l.{name}", "share of words", top=1.0), answers, level, longest_common)


def is_right(answer: str, expected: Sequence[str]) -> float:
    return float(answer in expected)


def is_match(answer: str, expected: Sequence[str]) -> float:
    return float(words(answer) in [words(one) for one in expected])


def word_f1(answer: str, expected: Sequence[str]) -> float:
    return max(_overlap(words(answer), words(one)) for one in expected)


def sentence_chrf(answer: str, expected: Sequence[str]) -> float:
    return min(100.0, float(_chrf().sentence_score(answer, list(expected)).score))


def longest_common(answer: str, expected: Sequence[str]) -> float:
    return float(_rouge().score_multi(list(expected), answer)["rougeL"].fmeasure)


def words(text: str) -> list[str]:
    """In small letters, without what is between them."""
    return _WORDS.findall(text.casefold())


def _overlap(answer: list[str], expected: list[str]) -> float:
    if not answer or not expected:
        return float(answer == expected)
    return 2 * (Counter(answer) & Counter(expected)).total() / (len(answer) + len(expected))


def _scored(scale: Scale, answers: Sequence[Answer], level: float, score: Score) -> Measured:
    items = [
        Item(
            one.source,
            score(one.challenger, one.expected),
            None if one.champion is None else score(one.champion, one.expected),
        )
        for one in answers
    ]
    return measured(scale, items, level)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


class _Words:
    """As rouge-score wants its tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())
