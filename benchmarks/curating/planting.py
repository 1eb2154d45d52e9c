"""A file of clean rows with what has to be found planted in it, and a list of where everything is."""

import base64
import random
from dataclasses import dataclass, field

EXACT, NEAR, ASKED, PERSONAL, RUBBISH, CLEAN = "exact", "near", "asked", "personal", "rubbish", "clean"


@dataclass
class Planted:
    """`rows`: texts, in their order. `kinds` of each. `twins`: of a copy, the row that it copies. `data`: personal data."""

    rows: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    twins: dict[int, int] = field(default_factory=dict)
    data: dict[int, tuple[str, str]] = field(default_factory=dict)  # what, and of which kind
    how: dict[int, str] = field(default_factory=dict)
    items: list[str] = field(default_factory=list)  # of the evaluations


KINDS = ("email", "phone", "card", "iban", "ssn", "address")


def planted(clean: list[str], each: int, data: tuple[str, ...] = KINDS, seed: int = 0) -> Planted:
    """`each`: of every kind so many; `data`: which personal data. The copies stand anywhere, before what they copy or after it."""
    draw = random.Random(seed)
    pool = clean[:]
    draw.shuffle(pool)
    items, persons, pool = pool[:each], pool[each : 2 * each], pool[2 * each :]
    wanted: list[tuple[str, str, str]] = [(CLEAN, text, "") for text in pool]  # kind, text, how or twin
    wanted += [(EXACT, _same(text, draw), text) for text in pool[:each]]
    wanted += [(NEAR, _nearly(text, draw), text) for text in pool[each : 2 * each]]
    made = Planted()
    for number, text in enumerate(items):
        way = ("as it is", "in other case", "inside another text", "a word changed", "short")[number % 5]
        item = " ".join(text.split()[: draw.randint(7, 11)]) if way == "short" else text
        made.items.append(item)
        wanted.append((ASKED, _asked(item, way, pool[-1 - number], draw), way))
    rubbish = [_rubbish(number, draw) for number in range(each)]
    wanted += [(RUBBISH, text, how) for text, how in rubbish]
    for number, text in enumerate(persons):
        kind = data[number % len(data)]
        datum = _DATA[kind](draw)
        wanted.append((PERSONAL, _told(text, datum, draw), f"{kind}\t{datum}"))
    draw.shuffle(wanted)
    _place(made, wanted)
    return made


def _place(made: Planted, wanted: list[tuple[str, str, str]]) -> None:
    places = {text: number for number, (kind, text, _) in enumerate(wanted) if kind == CLEAN}
    for number, (kind, text, more) in enumerate(wanted):
        made.rows.append(text)
        made.kinds.append(kind)
        if kind in (EXACT, NEAR):
            made.twins[number] = places[more]
        elif kind == PERSONAL:
            what, _, datum = more.partition("\t")
            made.data[number], made.how[number] = (datum, what), what
        elif more:
            made.how[number] = more


def _same(text: str, draw: random.Random) -> str:
    return draw.choice((text, text.upper(), text.replace(" ", "  "), text + "\r\n", f"\ufeff{text}"))


def _nearly(text: str, draw: random.Random) -> str:
    """One word in fifteen is left out, doubled, put elsewhere or replaced."""
    words = text.split()
    for _ in range(max(1, len(words) // 15)):
        place = draw.randrange(len(words))
        way = draw.randrange(4)
        if way == 0:
            words[place] = draw.choice(("indeed", "other", "system", "perhaps", "therefore"))
        elif way == 1:
            words.insert(place, words[place])
        elif way == 2:
            words.append(words.pop(place))
        else:
            words.pop(place)
    return " ".join(words)


def _asked(item: str, way: str, other: str, draw: random.Random) -> str:
    if way == "in other case":
        return item.upper().replace(",", " ,")
    if way == "inside another text":
        half = len(other) // 2
        return f"{other[:half]} {item} {other[half:]}"
    if way == "a word changed":
        words = item.split()
        words[draw.randrange(len(words))] = "something"
        return " ".join(words)
    return item


def _told(text: str, datum: str, draw: random.Random) -> str:
    before = draw.choice(("Contact", "This was sent by", "For questions:", "The customer gave", "Please ask"))
    return f"{text} {before} {datum}." if draw.random() < 0.5 else f"{before} {datum}. {text}"


def _email(draw: random.Random) -> str:
    first, last = person(draw).lower().split()
    place = draw.choice(("example.org", "mail.example.com", "firma.de", "uni-bonn.de", "corp.internal"))
    return f"{first}{draw.choice(('.', '_', ''))}{last}{draw.randint(1, 99)}@{place}"


def _phone(draw: random.Random) -> str:
    rest = "".join(str(draw.randint(0, 9)) for _ in range(4))
    return draw.choice(
        (
            f"+49 30 2{rest}7{draw.randint(10, 99)}",
            f"+1 (212) 555-{rest}",
            f"(415) 555-{rest}",
            f"+44 20 7946 {rest}",
            f"+33 1 42 68 {rest[:2]} {rest[2:]}",
        )
    )


def _card(draw: random.Random) -> str:
    digits = [4, *(draw.randint(0, 9) for _ in range(14))]
    doubled = sum(sum(divmod(2 * one, 10)) if place % 2 == 0 else one for place, one in enumerate(digits))
    number = "".join(map(str, [*digits, -doubled % 10]))
    return " ".join(number[place : place + 4] for place in range(0, 16, 4)) if draw.random() < 0.5 else number


def _iban(draw: random.Random) -> str:
    account = "".join(str(draw.randint(0, 9)) for _ in range(18))
    check = 98 - int(f"{account}131400") % 97
    return f"DE{check:02}{account}"


def _ssn(draw: random.Random) -> str:
    return f"{draw.randint(100, 665)}-{draw.randint(10, 99)}-{draw.randint(1000, 9999)}"


def _address(draw: random.Random) -> str:
    if draw.random() < 0.3:
        return f"2a02:8109:{draw.randint(4096, 65535):x}:{draw.randint(4096, 65535):x}::{draw.randint(1, 9)}"
    return f"{draw.choice((81, 93, 145, 203))}.{draw.randint(1, 250)}.{draw.randint(114, 250)}.{draw.randint(1, 250)}"


_FIRST = (
    "Anna",
    "James",
    "Maria",
    "Robert",
    "Susan",
    "Peter",
    "Linda",
    "Thomas",
    "Emily",
    "David",
    "Laura",
    "Kevin",
)
_LAST = (
    "Schneider",
    "Johnson",
    "Miller",
    "Novak",
    "Garcia",
    "Williams",
    "Fischer",
    "Brown",
    "Taylor",
    "Martin",
)


def person(draw: random.Random) -> str:
    return f"{draw.choice(_FIRST)} {draw.choice(_LAST)}"


_DATA = {
    "email": _email,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "ssn": _ssn,
    "address": _address,
    "name": person,
}


def _rubbish(number: int, draw: random.Random) -> tuple[str, str]:
    """The text, and what is wrong with it."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    word = "".join(draw.choice(letters) for _ in range(draw.randint(3, 8)))
    ways = {
        "symbols": "".join(draw.choice("#$%&*+=<>|~^!?/\\") for _ in range(draw.randint(20, 80))),
        "one word": " ".join([word] * draw.randint(10, 60)),
        "one line": "\n".join([f"{word} and {word[::-1]} are here"] * draw.randint(8, 30)),
        "one phrase": " ".join([f"buy {word} now and save"] * draw.randint(6, 20)),
        "encoded": base64.b64encode(draw.randbytes(draw.randint(150, 300))).decode(),
        "garbled": " ".join(f"{word[:2]}\ufffd{word[2:]}" for _ in range(draw.randint(4, 7))),
        "numbers": " ".join(str(draw.randint(0, 10**5)) for _ in range(draw.randint(12, 60))),
        "filler": f"Lorem ipsum dolor sit amet, {word} consectetur adipiscing elit, sed do eiusmod {word}.",
        "one character": draw.choice("-=_.*") * draw.randint(20, 90) + word,
        "empty": draw.choice(("   ", "\n\n", "\u200b\u200b", "\x00\x01 ")),
    }
    how = list(ways)[number % len(ways)]
    return ways[how], how
