"""Which languages a version translates between, and how it is told: by its tokenizer's codes, by a mark or a prefix
before the text, or not at all because they are fixed."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mainspring.errors import InvalidRequest

_CODE = re.compile("[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")  # en_XX, eng_Latn
_NAMED = re.compile("translation_(.+)_to_(.+)")


@dataclass(frozen=True)
class Route:
    """`prefix` goes before the text; `source` is what the tokenizer is set to.

    The answer is made to begin with the token `first`; the decoder begins from the token `start`. None: as the
    version has it.
    """

    prefix: str = ""
    source: str | None = None
    first: int | None = None
    start: int | None = None


class Languages(Protocol):
    def route(self, source: str | None, target: str | None) -> Route:
        """Raises InvalidRequest for a language that the version does not know, or that it needs and was not told."""
        ...


def languages_of(task: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Languages:
    named: dict[str, Any] = getattr(model.config, "task_specific_params", None) or {}
    if task == "summarization":
        fixed = str(named.get("summarization", {}).get("prefix", ""))
        return Fixed(None, None, fixed) if not hasattr(tokenizer, "src_lang") else Coded(model, tokenizer)
    if hasattr(tokenizer, "src_lang"):
        return Coded(model, tokenizer, needed=True)
    if marks := getattr(tokenizer, "supported_language_codes", None):
        return Marked([mark.strip("<>") for mark in marks])
    pairs = {
        found.groups(): str(named[name].get("prefix", ""))
        for name in named
        if (found := _NAMED.fullmatch(name))
    }
    if pairs:
        return Prefixed(pairs)
    return Fixed(getattr(tokenizer, "source_lang", None), getattr(tokenizer, "target_lang", None))


class Coded:
    """M2M100, NLLB, mBART: a token a language. `needed`: without a target there is no telling what to write."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, needed: bool = False
    ) -> None:
        generation: Any = model.generation_config
        self._ids = _ids(tokenizer)
        self._source: str = tokenizer.src_lang
        self._target: str | None = getattr(tokenizer, "tgt_lang", None)
        own = set(self._ids.values())
        self._at_start = generation.decoder_start_token_id in own
        self._needed = needed and not self._at_start and generation.forced_bos_token_id not in own

    def route(self, source: str | None, target: str | None) -> Route:
        source = self._known(source, "source_language") if source else self._source
        target = self._known(target, "target_language") if target else self._target
        if target is None:
            if self._needed:
                raise _needed(list(self._ids))
            return Route(source=source)
        token = self._ids[target]
        return Route(source=source, start=token) if self._at_start else Route(source=source, first=token)

    def _known(self, code: str, name: str) -> str:
        return _one_of(code, list(self._ids), name)


class Marked:
    """Marian with many targets: `>>fra<<` before the text, which a producer may also have written there."""

    def __init__(self, codes: list[str]) -> None:
        self._codes = codes

    def route(self, source: str | None, target: str | None) -> Route:
        if source:
            raise _fixed("source_language")
        if target is None:
            return Route()
        return Route(f">>{_one_of(target, self._codes, 'target_language')}<< ")


class Prefixed:
    """T5: words before the text, as its configuration has them for each pair of languages."""

    def __init__(self, pairs: dict[tuple[str, ...], str]) -> None:
        self._pairs = pairs

    def route(self, source: str | None, target: str | None) -> Route:
        if source:
            _one_of(source, [pair[0] for pair in self._pairs], "source_language")
        if target:
            _one_of(target, [pair[1] for pair in self._pairs], "target_language")
        fitting = [
            prefix
            for pair, prefix in self._pairs.items()
            if source in (None, pair[0]) and target in (None, pair[1])
        ]
        if not fitting:
            raise _unknown(
                f"from `{source}` to `{target}`",
                [" to ".join(pair) for pair in self._pairs],
                "target_language",
            )
        if len(fitting) > 1:
            raise _needed([pair[1] for pair in self._pairs])
        return Route(fitting[0])


class Fixed:
    """One language to one other, if it says which; naming those is no mistake."""

    def __init__(self, source: str | None, target: str | None, prefix: str = "") -> None:
        self._source, self._target, self._prefix = source, target, prefix

    def route(self, source: str | None, target: str | None) -> Route:
        for asked, own, name in (
            (source, self._source, "source_language"),
            (target, self._target, "target_language"),
        ):
            if asked and asked != own:
                raise _fixed(name)
        return Route(self._prefix)


def _ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Code → token. M2M100 has a table; the others have the codes themselves as tokens."""
    table = getattr(tokenizer, "lang_code_to_id", None)
    if table:
        return dict(table)
    known: dict[str, int] = tokenizer.get_vocab()
    codes = [token for token in known if _CODE.fullmatch(token)]
    return {code: known[code] for code in sorted(codes)}


def _one_of(code: str, known: list[str], name: str) -> str:
    if code not in known:
        raise _unknown(f"`{code}`", known, name)
    return code


def _unknown(what: str, known: list[str], name: str) -> InvalidRequest:
    near = get_close_matches(what.strip("`"), known, n=12, cutoff=0)
    return InvalidRequest(
        f"this version does not know the language {what}",
        field=f"parameters.{name}",
        remedy=f"Of {len(set(known))} that it knows, the nearest: {', '.join(dict.fromkeys(near))}.",
    )


def _needed(known: list[str]) -> InvalidRequest:
    some = list(dict.fromkeys(known))[:12]
    return InvalidRequest(
        "this version translates into several languages, and none was named",
        field="parameters.target_language",
        remedy=f"Set target_language, such as: {', '.join(some)}.",
    )


def _fixed(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"the {name.replace('_', ' ')} of this version is fixed",
        field=f"parameters.{name}",
        remedy=f"Leave {name} out.",
    )
