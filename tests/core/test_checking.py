"""What a pipeline is told of a candidate: each error of the file a case, JUnit XML that its readers take, Markdown without
surprises, an exit code."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mainspring.checking.candidate import deployment_of
from mainspring.checking.cases import Case, Outcome, Record, Report, Stopped
from mainspring.checking.configuration import validated
from mainspring.checking.junit import as_junit
from mainspring.checking.markdown import as_markdown
from mainspring.checking.road import plan
from mainspring.errors import InvalidRequest, ModelRefused, StackError
from mainspring.release.plan import RolloutPlan

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = 'a <b> & "c" ]]> \x00\x1b\ud800 | @team `x`\n# not a heading'
# What readers of this format ask for at most: the stricter of its common forms.
SCHEMA = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:complexType name="ending"><xs:simpleContent><xs:extension base="xs:string">
    <xs:attribute name="message" type="xs:string"/><xs:attribute name="type" type="xs:string" use="required"/>
  </xs:extension></xs:simpleContent></xs:complexType>
  <xs:element name="testsuites"><xs:complexType><xs:sequence>
    <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
      <xs:element name="properties"><xs:complexType><xs:sequence>
        <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
          <xs:attribute name="name" use="required"/><xs:attribute name="value" use="required"/>
        </xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
        <xs:choice minOccurs="0">
          <xs:element name="skipped"><xs:complexType><xs:attribute name="message"/></xs:complexType></xs:element>
          <xs:element name="error" type="ending"/><xs:element name="failure" type="ending"/>
        </xs:choice>
        <xs:attribute name="name" use="required"/><xs:attribute name="classname" use="required"/>
        <xs:attribute name="time" type="xs:decimal" use="required"/>
      </xs:complexType></xs:element>
      <xs:element name="system-out" type="xs:string"/><xs:element name="system-err" type="xs:string"/>
    </xs:sequence>
      <xs:attribute name="id" type="xs:int" use="required"/><xs:attribute name="package" use="required"/>
      <xs:attribute name="name" use="required"/><xs:attribute name="hostname" use="required"/>
      <xs:attribute name="timestamp" use="required"><xs:simpleType><xs:restriction base="xs:dateTime">
        <xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/>
      </xs:restriction></xs:simpleType></xs:attribute>
      <xs:attribute name="tests" type="xs:int" use="required"/><xs:attribute name="failures" type="xs:int" use="required"/>
      <xs:attribute name="errors" type="xs:int" use="required"/><xs:attribute name="skipped" type="xs:int"/>
      <xs:attribute name="time" type="xs:decimal" use="required"/>
    </xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


def report(*cases: Case, notes: tuple[str, ...] = ()) -> Report:
    return Report(AT, {"candidate": "chat@2", "why": NASTY}, cases, notes)


def case(outcome: Outcome, suite: str = "prompts", name: str = "answers acceptance") -> Case:
    return Case(suite, name, outcome, NASTY, "Do <this> | that.", 1.5)


def test_junit_is_what_its_readers_take() -> None:
    said = as_junit(report(*map(case, Outcome), case(Outcome.PASSED, "staging", NASTY)), "host")
    found = etree.fromstring(said.encode())
    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(found)
    [prompts, staging] = found.findall("testsuite")
    counts = ("4", "1", "1", "1", "6.000")
    assert tuple(prompts.get(name) for name in ("tests", "failures", "errors", "skipped", "time")) == counts
    assert prompts.find("testcase/failure").get("message").startswith('a <b> & "c" ]]> ')
    assert "Do <this> | that." in prompts.find("testcase/failure").text
    assert staging.get("timestamp") == "2026-01-02T03:04:05"


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_it(name: str, detail: str, fact: str) -> None:
    one = Report(AT, {fact: detail}, (Case(name, name, Outcome.FAILED, detail, fact),))
    etree.XMLSchema(etree.fromstring(SCHEMA)).assertValid(etree.fromstring(as_junit(one, name).encode()))
    rows = [line for line in as_markdown(one).splitlines() if line.startswith("| ")]
    assert len(rows) == 2


def test_markdown_says_first_how_it_ended_and_marks_nothing_up_that_it_was_told() -> None:
    said = as_markdown(report(*map(case, Outcome), notes=("chat@2 waits",)))
    assert said.startswith("## ❌ chat@<!-- -->2: refused\n\n1 passed, 1 failed, 1 could not run, 1 skipped.")
    assert "<b>" not in said
    assert "@team" not in said
    assert "\n# not" not in said
    assert "- chat@<!-- -->2 waits" in said
    assert [line.count(" | ") for line in said.splitlines() if line.startswith("| ❌")] == [4]


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ("passed passed", 0),
        ("passed skipped", 0),
        ("passed failed", 1),
        ("error", 2),
        ("error failed", 1),
        ("", 2),
    ],
)
def test_the_exit_code(outcomes: str, code: int) -> None:
    assert report(*(case(Outcome(one)) for one in outcomes.split())).exit_code == code


def test_a_model_that_is_refused_has_failed_and_what_breaks_is_an_error() -> None:
    record = Record(iter(range(100)).__next__)
    with record.case("candidate", "goes well") as said:
        said.detail = "chat@2"
    for error in (
        ModelRefused("pickled", field="model", remedy="Save it."),
        StackError("down"),
        TimeoutError(),
    ):
        with pytest.raises(Stopped), record.case("candidate", "does not"):
            raise error
    with record.case("candidate", "says nothing", silent=True):
        pass
    said_of = [(one.outcome.value, one.detail, one.seconds) for one in record.cases]
    assert said_of == [
        ("passed", "chat@2", 1),
        ("failed", "model: pickled", 1),
        ("error", "down", 1),
        ("error", "TimeoutError", 1),
    ]


def test_each_error_of_the_file_is_a_case(tmp_path: Path) -> None:
    file = tmp_path / "deployments.yaml"
    file.write_text(
        "deployments:\n  a:\n    task: fill-mask\n    policy: {queue_bound: 0, what: 1}\n    base: b@1\n"
        "  b:\n    task: text-generation\n    weights: {c@1: 0.5}\n"
    )
    document, _, cases = validated(file)
    assert document is not None
    assert {one.outcome for one in cases} == {Outcome.FAILED}
    lines = [one.detail.partition(": ")[0].rpartition(" ")[2] for one in cases]
    assert sorted(lines) == ["4", "4", "5", "8", "8"]
    assert all(one.remedy for one in cases)
    file.write_text("deployments:\n  a: {task: fill-mask}\n  b: {task: text-generation}\n")
    assert [(one.name, one.outcome.value) for one in validated(file)[2]] == [("a", "passed"), ("b", "passed")]
    file.write_text("deployments: {}\n")
    assert [one.outcome.value for one in validated(file)[2]] == ["failed"]
    file.write_text("deployments: [\n")
    assert validated(file)[0] is None


def test_which_deployment_is_meant() -> None:
    assert deployment_of(None, None, ["a"]) == "a"
    assert deployment_of(None, "b@3", ["a", "b"]) == "b"
    assert deployment_of("a", "/models/x", ["a", "b"]) == "a"
    for asked, candidate in ((None, None), ("c", None), ("a", "b@3")):
        with pytest.raises(InvalidRequest) as refused:
            deployment_of(asked, candidate, ["a", "b"])
        assert refused.value.remedy


@pytest.mark.parametrize(
    "policy", [{}, {"rollout": {"steps": []}}, {"rollout": {"steps": [0.5], "alpha": 0.01}}]
)
def test_a_plan_never_passes_staging_through(policy: dict[str, dict[str, object]]) -> None:
    made = RolloutPlan.model_validate(plan(policy, "acceptance"))
    assert made.prompts == "acceptance"
    assert made.shadow is not None
    assert made.steps
