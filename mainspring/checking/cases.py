"""What a run found, case by case, and how it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import httpx

from mainspring.errors import BadDeclaration, MainspringError, ModelRefused


class Outcome(StrEnum):
    """`error`: it could not be found out."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class NotGoodEnough(MainspringError):
    """A candidate has not what is asked of it."""

    code = "not_good_enough"
    title = "The candidate is not good enough"


class Stopped(Exception):
    """A case ended so that what comes behind it has no sense; it is recorded."""


@dataclass(frozen=True)
class Case:
    """`suite`: what it belongs to, such as `configuration`. `detail`: in words, without any text of prompts or answers."""

    suite: str
    name: str
    outcome: Outcome
    detail: str = ""
    remedy: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """`facts`: what was looked at, by name. `notes`: what is worth knowing besides, a line each."""

    at: datetime
    facts: dict[str, str]
    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()

    def count(self, *outcomes: Outcome) -> int:
        return sum(case.outcome in outcomes for case in self.cases)

    @property
    def exit_code(self) -> int:
        """0: passed. 1: refused. 2: nobody can say, since something could not be run."""
        if self.count(Outcome.FAILED):
            return 1
        return 2 if self.count(Outcome.ERROR) or not self.cases else 0

    @property
    def verdict(self) -> str:
        return ("passed", "refused", "could not run")[self.exit_code]


@dataclass
class Said:
    """What a case that goes well has to tell."""

    detail: str = ""


@dataclass
class Record:
    """Cases as they come. `clock`: seconds from any beginning."""

    clock: Callable[[], float]
    cases: list[Case] = field(default_factory=list)

    @contextmanager
    def case(self, suite: str, name: str, *, silent: bool = False) -> Iterator[Said]:
        """What is raised inside is its end, and Stopped goes on: a model or a file that is refused has failed, all else
        that can go wrong is an error. `silent`: no case, if all goes well."""
        began, said = self.clock(), Said()

        def ended(outcome: Outcome, detail: str, remedy: str | None = None) -> None:
            self.cases.append(Case(suite, name, outcome, detail, remedy, self.clock() - began))

        try:
            yield said
        except (BadDeclaration, ModelRefused, NotGoodEnough) as error:
            ended(Outcome.FAILED, _where(error), error.remedy)
            raise Stopped from error
        except MainspringError as error:
            ended(Outcome.ERROR, _where(error), error.remedy)
            raise Stopped from error
        except (httpx.HTTPError, TimeoutError) as error:
            remedy = "Look at whether the api and its workers run: mainspring status."
            ended(Outcome.ERROR, str(error) or type(error).__name__, remedy)
            raise Stopped from error
        else:
            if not silent:
                ended(Outcome.PASSED, said.detail)


def _where(error: MainspringError) -> str:
    return f"{error.field}: {error.detail}" if error.field else error.detail
