"""Token ids become text, piece by piece. What was given out is never taken back."""

from transformers import PreTrainedTokenizerBase

_HALF = "\ufffd"  # what a decoder writes for bytes that are not (yet) a character


class Pieces:
    """Token ids go in; text comes out as soon as it is certain.

    Held back are bytes that are not yet a whole character. Each step decodes only the ids since the last
    certain text and the ones just before it, because some tokenizers write a space between two tokens.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._context, self._told = 0, 0  # ids[context:told] have been given out and serve as context

    def push(self, ids: list[int]) -> str:
        self._ids += ids
        return self._new(certain=True)

    def finish(self) -> str:
        """The rest, with half a character shown as the decoder shows it."""
        return self._new(certain=False)

    def _new(self, *, certain: bool) -> str:
        if self._told == len(self._ids):
            return ""
        before = self._text(self._ids[self._context : self._told])
        after = self._text(self._ids[self._context :])
        if certain and (after.endswith(_HALF) or len(after) <= len(before)):
            return ""
        self._context, self._told = self._told, len(self._ids)
        return after[len(before) :]

    def _text(self, ids: list[int]) -> str:
        text = str(self._tokenizer.decode(ids, skip_special_tokens=True)) if ids else ""
        return text.replace("\0", _HALF)  # a model may write NUL; PostgreSQL and many readers cannot hold it


class StopStrings:
    """Ends a text before the first stop string, and holds back what may be the beginning of one.

    The text is cut at the string that is complete first, as if characters came one by one,
    so the cut does not depend on how the text was divided into pieces.
    """

    def __init__(self, stops: list[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """What may be given out now. Nothing more once `found`."""
        if self.found:
            return ""
        text = self._held + piece
        ends = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.found, self._held = True, ""
            return text[: min(ends)[1]]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """The text is over: what was held back was no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The longest end of the text that is a beginning of the stop string."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((n for n in lengths if text.endswith(stop[:n])), 0)
