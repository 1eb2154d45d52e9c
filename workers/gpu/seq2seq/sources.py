"""A job's texts become pieces, each with how it is to be decoded."""

from typing import Any

from mainspring.errors import InvalidRequest
from workers.gpu.heads import Piece, Texts, Work
from workers.gpu.prompts import DEFAULT_MAX_TOKENS
from workers.gpu.seq2seq.decoding import Decoding
from workers.gpu.seq2seq.languages import Languages, Route
from workers.gpu.seq2seq.writing import Written


class Sources:
    """`longest`: tokens that the version writes at most; `budget`: those of a batch."""

    def __init__(self, texts: Texts, languages: Languages, *, longest: int, budget: int) -> None:
        self._texts, self._languages = texts, languages
        self._longest, self._budget = longest, budget

    def prepare(self, given: Any, parameters: dict[str, Any]) -> Work[Written]:
        """Raises InvalidRequest or PromptTooLong, naming the field."""
        route = self._languages.route(parameters.get("source_language"), parameters.get("target_language"))
        decoding = Decoding(
            self._max_tokens(parameters.get("max_tokens")),
            parameters.get("num_beams", 1),
            route.first,
            route.start,
        )
        named = (
            [("input", given)]
            if isinstance(given, str)
            else [(f"input.{i}", text) for i, text in enumerate(given)]
        )
        pieces = [Piece(self._ids(text, route, where), note=decoding) for where, text in named]
        self._refuse_too_many_beams(pieces, decoding)

        def finish(results: list[Written]) -> Any:
            outputs = [{"text": one.text, "finish_reason": one.finish_reason} for one in results]
            return outputs[0] if isinstance(given, str) else outputs

        return Work(pieces, finish)

    def _ids(self, text: str, route: Route, where: str) -> list[int]:
        tokenizer: Any = self._texts.tokenizer
        with self._texts.lock:
            if route.source is not None and tokenizer.src_lang != route.source:
                tokenizer.src_lang = route.source
            ids = list(tokenizer(route.prefix + text)["input_ids"])
        return self._texts.fitting(ids, where)

    def _max_tokens(self, asked: int | None) -> int:
        if asked is not None and asked > self._longest:
            raise InvalidRequest(
                f"{asked} tokens were asked for; the version writes {self._longest} at most",
                field="parameters.max_tokens",
                remedy=f"Ask for at most {self._longest}.",
            )
        return asked or min(DEFAULT_MAX_TOKENS, self._longest)

    def _refuse_too_many_beams(self, pieces: list[Piece], decoding: Decoding) -> None:
        """One text with all its beams has to fit into a batch."""
        tokens = max((len(piece.ids) for piece in pieces), default=0) + decoding.max_tokens
        most = max(1, self._budget // tokens)
        if decoding.num_beams > most:
            raise InvalidRequest(
                f"{decoding.num_beams} beams of {tokens} tokens, read and written, exceed {self._budget}",
                field="parameters.num_beams",
                remedy=f"Use at most {most} beams, or a smaller max_tokens.",
            )
