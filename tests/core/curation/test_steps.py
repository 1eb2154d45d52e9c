"""Each step by itself: what it changes, what it removes, and what it leaves alone."""

import socket
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.curation.rows import Kind, Message, Origin, Row
from mainspring.curation.steps.contamination import Evaluations
from mainspring.curation.steps.language import speaking
from mainspring.curation.steps.normalise import normalise, normalised
from mainspring.curation.steps.personal import scrub, scrub_names, scrubbing
from mainspring.curation.steps.quality import fault, quality


def text(said: str) -> Row:
    return Row(Kind.TEXT, Origin.UPLOAD, "f:1", "f:1", text=said)


def chat(asked: str, answered: str) -> Row:
    messages = (Message("system", "be kind"), Message("user", asked), Message("assistant", answered))
    return Row(Kind.CHAT, Origin.UPLOAD, "f:1", "f:1", messages=messages)


def test_text_has_one_form() -> None:
    assert (
        normalised("cafe\u0301\r\n\u200bsaid\x00 so \t\r\rdone\n\n\n\n\n\nend  ")
        == "caf\xe9\nsaid so\n\ndone\n\n\nend"
    )
    assert normalised("if so:\n    return 1") == "if so:\n    return 1"
    assert normalised("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469"
    assert isinstance(normalise(text(" \u200b \n")), str)
    assert isinstance(normalise(chat("why", "\x00")), str)


@given(st.text())
def test_what_is_normal_stays_so(said: str) -> None:
    once = normalised(said)
    assert normalised(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


RUBBISH = {
    "symbols": "%&$ =>< ~~ !! ?? // ^^ ++ %% $$ && ##",
    "one word": "spam " * 30,
    "phrases": "buy it now and save money today with us " * 8,
    "lines": "a line that comes again\n" * 9,
    "encoded": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ" * 5,
    "garbled": "r\ufffdck\ufffdfall gr\ufffd\ufffden b\ufffdume",
    "numbers": "12 4 55 1 93 44 2 19 20 4 7 16",
    "filler": "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "a rule": "=" * 60,
}


@pytest.mark.parametrize("said", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_has_a_fault(said: str) -> None:
    found = quality(text(said))
    assert isinstance(found, str)
    assert said[:10] not in found


@pytest.mark.parametrize(
    "said",
    [
        "2 + 2",
        "42?",
        "why",
        "Why is the sky blue at noon and red in the evening?",
        "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n",
        "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002\u5929\u6c17\u306f\u3069\u3046\u3067\u3059\u304b\u3002",
        "| a | b |\n|---|---|\n| 1 | two |\n| 3 | four |",
        "The ship, the sailor, the sea: the end of the day is the start of the night for the one who waits.",
    ],
)
def test_what_people_write_has_none(said: str) -> None:
    assert fault(said) is None


def test_only_languages_that_are_wanted() -> None:
    german = text("Der Himmel ist am Abend rot und am Mittag blau, das weiß jeder.")
    english = text("The sky is red in the evening and blue at noon, everybody knows that.")
    short = text("Ja")
    wanted = speaking(["en"])
    assert wanted(german) == "another language"
    assert wanted(short) == short
    found = speaking(None)(english)
    assert isinstance(found, Row)
    assert found.language == "en"


PERSONAL = {
    "email": "ann.smith@example.org",
    "within": "root@db.corp.internal",
    "phone": "+49 30 23125 4567",
    "american": "(415) 555-2671",
    "card": "4111 1111 1111 1111",
    "iban": "DE89370400440532013000",
    "ssn": "219-09-9999",
    "ip": "81.169.145.30",
    "ipv6": "2a02:8109:9ac0:3b40::17",
    "mac": "00:1A:2B:3C:4D:5E",
}


@pytest.mark.parametrize("datum", PERSONAL.values(), ids=PERSONAL)
def test_personal_data_is_replaced_wherever_it_is(datum: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = scrubbing("patterns")(chat(f"I am at {datum}, please answer", f"Thanks, {datum}."))
    assert isinstance(found, Row)
    assert datum not in found.content
    assert found.messages[1].content.startswith("I am at <")
    assert found.messages[1].content.endswith(">, please answer")


@pytest.mark.parametrize(
    "said",
    [
        "version 1.2.3 of 10.0.0.1 and 127.0.0.1",
        "x[1::2] + y[::3] and std::vector<int> a::b::c",
        "@property\ndef f(self): ...",
        "in 1066, 1492 and 1789; from 2024-01-31 10:20:30 on",
        "order 123456 costs 99,95",
    ],
)
def test_what_is_not_personal_stays(said: str) -> None:
    assert scrub(said) == said


def test_names_are_found_where_they_are_asked_for() -> None:
    said = "Yesterday Angela Merkel met Barack Obama in Berlin and paid 4711 euros."
    assert scrub(said) == said
    assert scrub_names(said) == "Yesterday <PERSON> met <PERSON> in Berlin and paid 4711 euros."
    assert scrubbing("off")(text("a@b.org")) == text("a@b.org")


LONG = "the committee found that tides in narrow bays rise several times higher than those of the open sea nearby"


def evaluations(*items: str) -> Evaluations:
    found = Evaluations()
    for item in items:
        found.add_text(item)
    return found


@pytest.mark.parametrize(
    "said",
    [
        LONG,
        LONG.upper().replace(" ", "  ") + "!",
        f"Something before. {LONG}. And something after it, which goes on for some time.",
        " ".join(LONG.split()[3:17]),
    ],
)
def test_an_item_of_an_evaluation_is_known_again(said: str) -> None:
    known = evaluations(LONG)
    assert known.holds(text(said))
    assert known.holds(chat("tell me", said))


def test_short_items_are_known_by_most_of_their_words() -> None:
    known = evaluations(
        "How many people live in the city of Paris and how many in its suburbs?", "What is love?"
    )
    assert known.holds(text("how many people live in the city of paris and how many in its suburbs"))
    assert known.holds(text("How many persons live in the city of Paris and how many in its suburbs now?"))
    assert not known.holds(text("How many people work in the town of Rome?"))
    assert known.holds(text("what is love"))
    assert not known.holds(text("what is love in the time of cholera"))
    assert not evaluations().holds(text("anything"))


def test_what_many_items_have_is_no_sign_of_one() -> None:
    licence = "permission is hereby granted free of charge to any person obtaining a copy of this software"
    known = evaluations(
        *(
            f"{licence} number {number} {'x' * number} of them all and so on it goes to the end"
            for number in range(1, 15)
        )
    )
    assert not known.holds(text(f"{licence} and more that is new here"))
