"""What is asked of a candidate that workers hold. Each check makes cases; another one is another entry of CHECKS."""

from collections.abc import Iterable
from typing import Protocol

from mainspring.checking import evaluated, prompts
from mainspring.checking.candidate import Candidate
from mainspring.checking.cases import Case


class Check(Protocol):
    """What it raises of Mainspring's errors, or as TimeoutError, is a case that could not be run."""

    def __call__(self, candidate: Candidate, /) -> Iterable[Case]: ...


CHECKS: tuple[Check, ...] = (prompts.answered, evaluated.judged)
