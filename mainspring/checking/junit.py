"""A report as JUnit XML: the common form of its readers (Jenkins, GitLab, GitHub's actions, Azure), with all that the stricter
schemas want: host, time stamp, properties and both outputs of each suite."""

import re
from collections.abc import Iterable
from datetime import UTC
from xml.etree import ElementTree as ET

from mainspring.checking.cases import Case, Outcome, Report

# What XML 1.0 cannot hold, escaped or not (section 2.2).
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}


def as_junit(report: Report, host: str) -> str:
    """A suite for each kind of case, in the order in which they came."""
    root = ET.Element("testsuites")
    for number, suite in enumerate(dict.fromkeys(case.suite for case in report.cases)):
        cases = [case for case in report.cases if case.suite == suite]
        about = {
            "id": str(number),
            "package": "mainspring",
            "name": suite,
            "timestamp": report.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": host,
        }
        element = ET.SubElement(root, "testsuite", _clean(about | _counts(cases)))
        properties = ET.SubElement(element, "properties")
        for fact, value in report.facts.items():
            ET.SubElement(properties, "property", _clean({"name": fact, "value": value}))
        for case in cases:
            _case(element, case)
        told = (f"{case.name}: {case.detail}" for case in cases if case.detail)
        ET.SubElement(element, "system-out").text = _plain("\n".join(told))
        ET.SubElement(element, "system-err").text = ""
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(cases: list[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome is Outcome.FAILED for case in cases)),
        "errors": str(sum(case.outcome is Outcome.ERROR for case in cases)),
        "skipped": str(sum(case.outcome is Outcome.SKIPPED for case in cases)),
        "time": _seconds(sum(case.seconds for case in cases)),
    }


def _case(suite: ET.Element, case: Case) -> None:
    about = {"classname": f"mainspring.{case.suite}", "name": case.name, "time": _seconds(case.seconds)}
    element = ET.SubElement(suite, "testcase", _clean(about))
    if case.outcome is Outcome.SKIPPED:
        ET.SubElement(element, "skipped", _clean({"message": case.detail}))
    elif (kind := _ELEMENTS.get(case.outcome)) is not None:
        ending = ET.SubElement(element, kind, _clean({"message": case.detail, "type": case.outcome.value}))
        ending.text = _plain(_lines([case.detail, case.remedy]))


def _lines(parts: Iterable[str | None]) -> str:
    return "\n".join(part for part in parts if part)


def _clean(attributes: dict[str, str]) -> dict[str, str]:
    return {name: _plain(value) for name, value in attributes.items()}


def _plain(text: str) -> str:
    return _IMPOSSIBLE.sub("\ufffd", text)


def _seconds(value: float) -> str:
    return f"{max(value, 0.0):.3f}"
