"""The words that set some texts apart from others, so that a person sees what has come. Pure.

By log-odds with an informative Dirichlet prior (Monroe, Colaresi, Quinn, Fightin' Words, Political Analysis 16, 2008),
over the number of texts that hold a word. A word that fewer than three texts hold is never named, nor one with digits:
what is named belongs to many, and to nobody.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

HELD_BY = 3  # texts
_WORD = re.compile(r"[^\W\d_][^\W\d_'-]{2,31}")
_PRIOR = 0.1  # weight of the background in each word's prior


def counted(texts: Iterable[str]) -> Counter[str]:
    """In how many of these texts each word is."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update(set(_WORD.findall(text.lower())))
    return found


def typical(
    new: Mapping[str, int], texts: int, known: Mapping[str, int], of: int, most: int = 8
) -> list[str]:
    """The most typical words of `texts` new texts beside `of` known ones, the most telling first."""
    scores = {
        word: _score(count, texts, known.get(word, 0), of) for word, count in new.items() if count >= HELD_BY
    }
    best = sorted(scores, key=lambda word: (-scores[word], word))
    return [word for word in best[:most] if scores[word] > 0]


def _score(new: int, texts: int, known: int, of: int) -> float:
    """Standard deviations by which the new texts hold a word more often."""
    prior = _PRIOR * (new + known) + 0.5
    one, other = new + prior, known + prior
    odds = math.log(one / (texts + 1 - new + prior)) - math.log(other / (of + 1 - known + prior))
    return odds / math.sqrt(1 / one + 1 / other)
