"""The engine of sequence-to-sequence models: whatever waits shares an encoder pass and one `generate`."""

from typing import Any, cast

import torch
from transformers import LogitsProcessorList, PreTrainedModel, StoppingCriteria, StoppingCriteriaList

from mainspring.errors import EngineFailed
from mainspring.logs import log
from mainspring.serving.engine import EngineAnswer, EngineRequest
from workers.gpu.heads import Piece, Texts, Work
from workers.gpu.rounds import Reading, RoundsEngine, Waiting, not_finite
from workers.gpu.seq2seq import decoding as rules
from workers.gpu.seq2seq.decoding import Decoding
from workers.gpu.seq2seq.languages import languages_of
from workers.gpu.seq2seq.sources import Sources
from workers.gpu.seq2seq.writing import Beams, Ends, Greedy, Numbers, Row, Written, read
from workers.gpu.text import Pieces


class Seq2SeqEngine(RoundsEngine[Written]):
    """Texts of a batch have equal parameters and similar lengths; a newcomer waits for the round that is under way.

    Greedy answers are told token by token, those of beams at their end; those of a list are not told.
    """

    name = "seq2seq"
    capacity = 32
    plan = None

    def __init__(self, task: str, model: PreTrainedModel, texts: Texts) -> None:
        super().__init__(rules.batch_tokens(texts.context))
        self._model, self._texts = model, texts
        self._rules = rules.own_rules(model)
        self._ends = rules.end_ids(self._rules)
        self._least = rules.row_tokens(model.config, self._budget)
        self._sources = Sources(
            texts,
            languages_of(task, model, texts.tokenizer),
            longest=rules.written_limit(model.config, texts.context),
            budget=self._budget,
        )
        self.start()

    def prepare(self, request: EngineRequest) -> Work[Written]:
        return self._sources.prepare(request.input, request.parameters)

    def kind(self, piece: Piece) -> Decoding:
        return cast("Decoding", piece.note)

    def tokens(self, piece: Piece) -> int:
        decoding = self.kind(piece)
        return decoding.num_beams * max(self._least, len(piece.ids) + decoding.max_tokens)

    @torch.inference_mode()
    def run(self, batch: list[Waiting[Written]]) -> None:
        decoding = self.kind(batch[0].piece)
        told = rules.configuration(self._rules, decoding)
        ends = Ends(
            self._ends,
            decoding.max_tokens,
            forced=told.forced_eos_token_id is not None,
            skipped=int(told.forced_bos_token_id is not None),
        )
        rows = [self._row(one) for one in batch]
        numbers = Numbers()
        if decoding.num_beams > 1:
            found = self._generate(batch, told, numbers, Beams(rows, numbers, stepped=self.progressed))
            for row, ids in zip(rows, found[:, 1:].tolist(), strict=True):
                if not row.over and row.wanted():
                    read(row, ids, ends)
        else:
            self._generate(batch, told, numbers, Greedy(rows, numbers, ends, stepped=self.progressed))
        for one, row in zip(batch, rows, strict=True):
            if row.written is not None:
                self.settle(one, row.written)

    def answer(self, entry: Reading[Written], output: object, results: list[Written]) -> EngineAnswer:
        assert entry.work is not None
        logprobs = [one.logprob for one in results if one.logprob is not None]
        entropies = [one.entropy for one in results if one.entropy is not None]
        chosen = sum(one.chosen for one in results)
        return EngineAnswer(
            output,
            {
                "prompt_tokens": sum(len(piece.ids) for piece in entry.work.pieces),
                "completion_tokens": sum(one.tokens for one in results),
            },
            first_token_seconds=min(one.first_seconds for one in results),
            engine_seconds=entry.age(),
            mean_logprob=sum(logprobs) / chosen if chosen else None,
            measures={"entropy": sum(entropies) / chosen} if chosen else {},
        )

    def _generate(
        self, batch: list[Waiting[Written]], told: Any, numbers: Numbers, steps: StoppingCriteria
    ) -> torch.Tensor:
        """[rows, 1 + written]: the decoder's start and what follows it."""
        inputs = self._texts.tensors([one.piece for one in batch], self._model.device)
        model: Any = self._model
        found: torch.Tensor = model.generate(
            **inputs,
            generation_config=told,
            logits_processor=LogitsProcessorList([numbers]),
            stopping_criteria=StoppingCriteriaList([steps]),
        )
        return found

    def _row(self, one: Waiting[Written]) -> Row:
        entry = one.entry

        def tell(piece: str) -> None:
            if entry.on_text is None or not isinstance(entry.request.input, str) or not self.wanted(entry):
                return
            try:
                entry.on_text(piece)
            except Exception as error:  # noqa: BLE001  a listener's fault ends its own request, not the others
                log.error("engine.request_failed", engine=self.name, cause=type(error).__name__)
                self.give_up(entry, EngineFailed("the engine could not write down the answer"))

        return Row(
            Pieces(self._texts.tokenizer),
            self._texts.lock,
            wanted=lambda: self.wanted(entry),
            tell=tell,
            broken=lambda: self.give_up(entry, not_finite()),
            age=entry.age,
        )
