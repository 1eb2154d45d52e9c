"""The story's page shows the figures that it is given, and needs nothing but itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from mainspring.story.checks import checks
from mainspring.story.figures import Figures
from mainspring.story.page import page
from mainspring.story.scale import Demands
from tests.core.story.recorded import figures, measured, round_

VOID = {"meta", "br"}


def drawn(found: Figures) -> str:
    return page(found, checks(found, Demands()))


class Nesting(HTMLParser):
    """Fails where an element ends that did not begin."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  the library's
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """It ends itself."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_all_figures_are_on_it() -> None:
    found = drawn(figures())
    for figure in (
        "17", "+2.21", "-0.03", "of 412 requests failed", "4.3</b> minutes", "ab" * 32, "57 events",
        "eigenvalue", "mostly symbols 100", "BSD-3-Clause 700", "manual@1 300", "manual@3 is rejected",
        "With likelihood.old 0.2 lower it would have been rejected.",
    ):  # fmt: skip
        assert figure in found, figure


def test_it_is_sound_and_loads_nothing() -> None:
    found = drawn(figures())
    parser = Nesting()
    parser.feed(found)
    assert parser.open == []
    assert re.findall(r"(?:src|href|@import|url\()", found) == []
    assert "<script" not in found


def test_what_is_said_is_text_and_no_markup() -> None:
    assert "142 texts &amp; more &lt;of&gt; it" in drawn(figures())


def test_it_is_drawn_of_little_too() -> None:
    """Of an alarm before anybody had read the evidence, and of a verdict that measured nothing."""
    bare = figures(evidence=(), poisoned=round_(measured=(), decision=None, version=None))
    assert "no version" in drawn(bare)


def test_all_holds_only_if_each_does() -> None:
    assert all(one.holds for one in checks(figures(), Demands()))
    assert drawn(figures()).count("does not hold") == 0


def test_each_thing_that_does_not_hold_is_named() -> None:
    answers = figures().answers
    worse = (measured("likelihood.new", -6.0, -4.6), measured("likelihood.old", -5.0, -5.11))
    wrong = {
        "sympy is better": figures(better=round_(measured=worse)),
        "Python is worse": figures(better=round_(measured=worse[1:])),
        "took over by itself": figures(better=round_(state="rolled_back")),
        "no request failed": figures(answers=replace(answers, failed=1)),
        "is retired": figures(stages={"manual@1": "draining"}),
        "the gate refused": figures(poisoned=round_(state="released", decision="accept")),
        "log of events": figures(audit={"whole": False, "events": 3, "head": "", "findings": []}),
    }
    for name, found in wrong.items():
        failing = [one.name for one in checks(found, Demands()) if not one.holds]
        assert any(name in one for one in failing), name
        assert "does not hold" in drawn(found)
