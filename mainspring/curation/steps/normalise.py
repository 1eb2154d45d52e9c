"""Texts in one form: Unicode's NFC, lines that end alike, no characters that nobody sees, no space that says nothing."""

import re
import unicodedata

from mainspring.curation.rows import Kind, Row
from mainspring.curation.texts import mapped

EMPTY, SAME = "nothing is left of it", "both answers are the same"
# Control characters but tab and newline; what marks the order of bytes or the direction; halves of surrogates. The
# joiners U+200C and U+200D stay: some scripts, and emoji, need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_ENDS = re.compile(r"[ \t\xa0]+$", re.MULTILINE)
_BLANK = re.compile(r"\n{4,}")


def normalise(row: Row) -> Row | str:
    row = mapped(row, normalised)
    if row.kind in (Kind.TEXT, Kind.LABELLED):
        left = bool(row.text) and row.target != ""
    else:
        left = all(one.content for one in row.messages) and row.chosen != "" and row.rejected != ""
    if not left:
        return EMPTY
    return SAME if row.kind is Kind.PREFERENCE and row.chosen == row.rejected else row


def normalised(text: str) -> str:
    """What is indented stays so: it may be code."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = _UNSEEN.sub("", text)
    return _BLANK.sub("\n\n\n", _ENDS.sub("", text)).strip("\n").rstrip()
