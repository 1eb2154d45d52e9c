"""fill-mask: the best candidates for each mask, [{token, score, text}, …]; a list of lists for several masks."""

from typing import Any

from torch import Tensor
from transformers import PreTrainedConfig

from mainspring.errors import InvalidRequest, ModelRefused
from workers.gpu.heads import Piece, TextHead, Texts, Work

_CANDIDATES = 5


class MaskHead(TextHead):
    """`text` is the whole text with this candidate in place and the other masks left as they are."""

    def __init__(self, texts: Texts, config: PreTrainedConfig) -> None:
        super().__init__(texts)
        if texts.tokenizer.mask_token is None:
            raise ModelRefused("the tokenizer has no mask token, so fill-mask has nothing to fill")
        self.width = config.get_text_config().vocab_size

    def prepare(self, given: Any, parameters: dict[str, Any]) -> Work[Tensor]:
        work = super().prepare(given, parameters)
        for index, piece in enumerate(work.pieces):
            if self.texts.tokenizer.mask_token_id not in piece.ids:
                raise InvalidRequest(
                    "the text has no mask token",
                    field="input" if isinstance(given, str) else f"input.{index}",
                    remedy=f"Write {self.texts.tokenizer.mask_token} where a word is to be found.",
                )
        return work

    def read(self, text: str, piece: Piece, row: Tensor, parameters: dict[str, Any]) -> list[Any]:  # noqa: ARG002
        """`row`: [tokens, vocabulary]."""
        places = [at for at, token in enumerate(piece.ids) if token == self.texts.tokenizer.mask_token_id]
        most = min(parameters.get("top_k", _CANDIDATES), row.size(-1))
        filled = [self._candidates(piece.ids, at, row[at], most) for at in places]
        return filled[0] if len(filled) == 1 else filled

    def _candidates(self, ids: list[int], at: int, scores: Tensor, most: int) -> list[dict[str, Any]]:
        best, tokens = scores.softmax(dim=-1).topk(most)
        return [
            {"token": self._token(token), "score": score, "text": self._text(ids, at, token)}
            for token, score in zip(tokens.tolist(), best.tolist(), strict=True)
        ]

    def _token(self, token: int) -> str:
        with self.texts.lock:
            return str(self.texts.tokenizer.decode([token])).strip()

    def _text(self, ids: list[int], at: int, token: int) -> str:
        """Without the tokenizer's own marks, but with the masks that are still open."""
        tokenizer = self.texts.tokenizer
        hidden = set(tokenizer.all_special_ids) - {tokenizer.mask_token_id}
        kept = [
            token if index == at else one for index, one in enumerate(ids) if index == at or one not in hidden
        ]
        with self.texts.lock:
            return str(tokenizer.decode(kept))
