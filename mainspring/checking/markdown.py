"""A report as Markdown, as one wants to read it in a pull request: the verdict first, then what is wrong, then all of it."""

import html
import re
from collections.abc import Iterator

from mainspring.checking.cases import Case, Outcome, Report

_SIGNS = {Outcome.PASSED: "✅", Outcome.FAILED: "❌", Outcome.ERROR: "⚠️", Outcome.SKIPPED: "⏭️"}
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~])")
_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "could not run",
    Outcome.SKIPPED: "skipped",
}


def as_markdown(report: Report) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    sign = _SIGNS[(Outcome.PASSED, Outcome.FAILED, Outcome.ERROR)[report.exit_code]]
    yield f"## {sign} {_plain(report.facts.get('candidate', 'Mainspring'))}: {report.verdict}"
    counts = (f"{report.count(one)} {_WORDS[one]}" for one in Outcome if report.count(one))
    yield from ("", f"{', '.join(counts)}.", "")
    for fact, value in report.facts.items():
        yield f"- {_plain(fact)}: {_plain(value)}"
    wrong = [case for case in report.cases if case.outcome in (Outcome.FAILED, Outcome.ERROR)]
    if wrong:
        yield from ("", "### What is wrong", "")
        for case in wrong:
            yield from _wrong(case)
    yield from ("", "### All of it", "", "| | | case | seconds | |", "|---|---|---|---:|---|")
    yield from map(_row, report.cases)
    if report.notes:
        yield from ("", "### Besides", "")
        yield from (f"- {_plain(note)}" for note in report.notes)


def _wrong(case: Case) -> Iterator[str]:
    yield f"- **{_plain(case.suite)}: {_plain(case.name)}**: {_plain(case.detail)}"
    if case.remedy:
        yield f"  <br>{_plain(case.remedy)}"


def _row(case: Case) -> str:
    cells = (_SIGNS[case.outcome], case.suite, case.name, f"{case.seconds:.1f}", case.detail)
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Nothing in it is a mark, an element, a mention or another line."""
    flat = " ".join(text.split())
    return _MARKS.sub(r"\\\1", html.escape(flat, quote=False)).replace("@", "@<!-- -->")
