"""The engine of encoders: whatever waits shares padded forward passes under a budget of tokens.

On a CPU a pass is small enough for what it makes to stay in the caches, and each core runs a pass of its own: cores
that share one wait for each other after every layer. A pass that is alone gets them all. Where the model allows it,
its layers are packed, and see no padding.
"""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.serving.engine import EngineAnswer, EngineRequest
from workers.gpu import device
from workers.gpu.heads import Head, Piece, Work
from workers.gpu.packed import pack_if_same
from workers.gpu.rounds import Reading, RoundsEngine, Waiting, not_finite
from workers.gpu.unpadded import unpad_if_same

_BATCH_TOKENS = {"cpu": 256, "cuda": 4096}  # padding included
_TRIED = (3, 9, 5)  # tokens of the texts with which a quicker way is tried
_OUTPUT_BYTES = 2**28  # of one pass: a vocabulary's scores at every position are large


class EncoderEngine(RoundsEngine[Tensor]):
    """A piece's result is its row of the pass, without the padding."""

    name = "encoder"
    capacity = 64
    plan = None

    def __init__(self, model: PreTrainedModel, head: Head) -> None:
        kind = model.device.type
        most = _OUTPUT_BYTES // (4 * max(1, head.width))
        self._threads = device.use_threads() if kind == "cpu" else 1
        super().__init__(max(1, min(_BATCH_TOKENS[kind], most)), runners=self._threads)
        self._model, self._head = model, head
        if kind == "cpu":
            tried = head.inputs(
                [Piece(list(range(1, length + 1)), [0] * length) for length in _TRIED], model.device
            )
            pack_if_same(model, tried)
            unpad_if_same(model, tried)
        self.start()

    def prepare(self, request: EngineRequest) -> Work[Tensor]:
        return self._head.prepare(request.input, request.parameters)

    def kind(self, piece: Piece) -> None:
        """All pieces are alike."""

    def tokens(self, piece: Piece) -> int:
        return len(piece.ids)

    @torch.inference_mode()
    def run(self, batch: list[Waiting[Tensor]]) -> None:
        torch.set_num_threads(self._threads if self.alone() else 1)  # of this thread: the others keep theirs
        inputs = self._head.inputs([one.piece for one in batch], self._model.device)
        rows = self._head.rows(self._model(**inputs), inputs["attention_mask"])
        self.progressed()
        for one, row in zip(batch, rows, strict=True):
            if torch.isfinite(row).all():
                self.settle(one, row)
            else:
                self.give_up(one.entry, not_finite())

    def answer(self, entry: Reading[Tensor], output: object, results: list[Tensor]) -> EngineAnswer:
        assert entry.work is not None
        usage = {"prompt_tokens": sum(len(piece.ids) for piece in entry.work.pieces)}
        return EngineAnswer(
            output,
            usage,
            engine_seconds=entry.age(),
            mean_logprob=self._head.likelihood(output),
            measures=self._head.measures(results),
        )
