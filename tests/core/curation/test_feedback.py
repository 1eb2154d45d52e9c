"""What people said of answers teaches the answer, the better of two, or the label."""

from pathlib import Path

from mainspring.curation.rows import Kind, Message, Origin, Row
from mainspring.tables import Database
from mainspring.terms import Task
from tests.core.curation.gathered import Curating, questions, rows

FEEDBACK = {"feedback": {"basis": "contract"}}


def kinds(found: list[Row], kind: Kind) -> list[Row]:
    return [row for row in found if row.kind is kind]


def test_a_correction_is_learned_and_better_than_what_was_given(curating: Curating) -> None:
    for number, text in enumerate(questions(10)):
        job = curating.job(text, f"wrong {number} because of {text[::-1]}")
        curating.say(job, "correction", "an old correction")
        curating.say(job, "correction", f"right {number}: {text.upper()} it is")
    found = rows(curating.curate(**FEEDBACK))
    chats, pairs = kinds(found, Kind.CHAT), kinds(found, Kind.PREFERENCE)
    assert len(chats) == len(pairs) == 10
    assert {row.origin for row in found} == {Origin.FEEDBACK}
    for chat in chats:
        question, answer = chat.messages
        assert (question.role, answer.role) == ("user", "assistant")
        assert answer.content.startswith("right")
        (pair,) = [one for one in pairs if one.source == chat.source]
        assert (pair.messages, pair.chosen) == ((question,), answer.content)
        assert pair.rejected is not None
        assert pair.rejected.startswith("wrong")


def test_a_well_rated_answer_is_learned_and_a_badly_rated_one_is_not(curating: Curating) -> None:
    for number, text in enumerate(questions(12)):
        job = curating.job(text, f"answer {number} about {text[::-1]}")
        curating.say(job, "rating", (1.0, 0.2, -1.0)[number % 3])
    curating.say(job, "rating", 0.9)  # of the last, which was rated badly before
    found = rows(curating.curate(**FEEDBACK))
    assert sorted(int(row.messages[-1].content.split()[1]) for row in found) == [0, 3, 6, 9, 11]
    assert {row.kind for row in found} == {Kind.CHAT}


def test_a_good_and_a_bad_answer_to_one_question_are_compared(curating: Curating) -> None:
    for number, text in enumerate(questions(6)):
        said = {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": text}]}
        bad = curating.job(said, f"bad {number} {text[::-1]}")
        good = curating.job(said, f"good {number} {text.upper()}")
        curating.say(bad, "rating", -1.0)
        curating.say(good, "rating", 1.0)
    pairs = kinds(rows(curating.curate(**FEEDBACK)), Kind.PREFERENCE)
    assert len(pairs) == 6
    for pair in pairs:
        assert pair.messages[0] == Message("system", "be brief")
        assert pair.chosen is not None
        assert pair.rejected is not None
        assert (pair.chosen[:4], pair.rejected[:3]) == ("good", "bad")


def test_labels_of_a_classifier(database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, Task.TEXT_CLASSIFICATION)
    asked = questions(20)
    for number, text in enumerate(asked):
        job = curating.job(text, {"label": "guess", "score": 0.5}, metadata={"training_consent": "true"})
        kind, value = (("label", "tides"), ("correction", "clocks"), ("rating", 1.0), ("rating", -1.0))[
            number % 4
        ]
        curating.say(job, kind, value)
    refused = curating.job("one that nobody may learn from", {"label": "guess"})
    curating.say(refused, "label", "tides")
    found = rows(curating.curate(feedback={"basis": "consent"}))
    assert {row.text: row.label for row in found} == {
        text: ("tides", "clocks", "guess")[number % 4] for number, text in enumerate(asked) if number % 4 < 3
    }


def test_translations_are_corrected(database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, Task.TRANSLATION)
    for text in questions(6):
        curating.say(curating.job(text, "falsch"), "correction", f"richtig: {text[::-1]}")
    found = rows(curating.curate(**FEEDBACK))
    assert len(found) == 6
    assert all(row.kind is Kind.TEXT and row.target == f"richtig: {row.text[::-1]}" for row in found)
