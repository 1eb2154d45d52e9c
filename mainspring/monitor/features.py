"""What is watched of a version's requests, and which part of alpha it has. The parts of all sum to at most 1."""

from enum import StrEnum
from typing import NamedTuple

from mainspring.terms import AlarmKind


class Kind(StrEnum):
    """How it is measured: a vector or a number of each request, what was said of some, a minute of them."""

    VECTOR = "vectors"
    NUMBER = "numbers"
    LOSS = "losses"
    MINUTE = "minutes"


class Feature(NamedTuple):
    """`weight`: its part of alpha."""

    of: Kind
    kind: AlarmKind
    weight: float


_DATA, _PERFORMANCE, _OPERATIONAL = AlarmKind.DATA, AlarmKind.PERFORMANCE, AlarmKind.OPERATIONAL
SAID, SERVICE = "said", "service"
FEATURES = {
    "words_prompt": Feature(Kind.VECTOR, _DATA, 0.3),
    "encoded_prompt": Feature(Kind.VECTOR, _DATA, 0.3),
    "prompt_tokens": Feature(Kind.NUMBER, _DATA, 0.02),
    "prompt_log_probability": Feature(Kind.NUMBER, _DATA, 0.02),
    "words_answer": Feature(Kind.VECTOR, _PERFORMANCE, 0.03),
    "encoded_answer": Feature(Kind.VECTOR, _PERFORMANCE, 0.03),
    "answer_tokens": Feature(Kind.NUMBER, _PERFORMANCE, 0.02),
    "log_probability": Feature(Kind.NUMBER, _PERFORMANCE, 0.02),
    "entropy": Feature(Kind.NUMBER, _PERFORMANCE, 0.02),
    "margin": Feature(Kind.NUMBER, _PERFORMANCE, 0.02),
    SAID: Feature(Kind.LOSS, _PERFORMANCE, 0.07),
    SERVICE: Feature(Kind.MINUTE, _OPERATIONAL, 0.05),
}
# Parts of the traffic that are watched by themselves too: a change of one of them alone is soon lost among the others.
SEGMENTED = "words_prompt"
SEGMENTS = Feature(Kind.VECTOR, _DATA, 0.1)  # of all of them together
MOST_SEGMENTS = 4
LEAST_IN_SEGMENT, MOST_SHARE = 100, 0.9  # requests of the reference, and the part of it
