"""What an answer's engine measures beside it: entropy, how likely the prompt was, by how much a label won."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mainspring.serving.engine import Engine
from mainspring.settings import Settings
from tests.contract.conftest import CAUSAL, SEQ2SEQ, STOCK, Kind
from tests.contract.engines import vary
from workers.gpu.load import Loaded, load_model, load_version

Engines = Callable[[str], Engine]
Kinds = dict[str, Kind]
SECONDS = 20
WRITERS = [*CAUSAL, STOCK]


def entropy(scores: Tensor) -> float:
    """In nats, of the distribution [vocabulary] that these scores stand for, by its definition."""
    probabilities = scores.double().softmax(-1)
    return -sum(float(p) * math.log(p) for p in probabilities.tolist() if p > 0)


def generated(loaded: Loaded, text: str, tokens: int, **told: Any) -> list[Tensor]:
    """The scores [vocabulary] that `generate` chose each token from."""
    encoded = loaded.tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    model: Any = loaded.model
    found = model.generate(
        **encoded,
        max_new_tokens=tokens,
        do_sample=False,
        output_scores=True,
        return_dict_in_generate=True,
        **told,
    )
    return [scores[0] for scores in found.scores]


def logprob(kind: Kind, prompt: str) -> float:
    """The mean over the prompt's tokens but the first, by one plain pass of the model."""
    loaded = load_model(kind.path, kind.task)
    ids = loaded.tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        scores = loaded.model(input_ids=ids).logits[0, :-1].double().log_softmax(-1)  # type: ignore[operator]
    return float(scores.gather(1, ids[0, 1:, None]).mean())


@pytest.mark.parametrize("name", WRITERS)
def test_the_entropy_is_the_mean_over_the_tokens_of_the_answer(
    name: str, engines: Engines, kinds: Kinds
) -> None:
    kind, loaded = kinds[name], load_model(kinds[name].path, "text-generation")
    for index in range(3):
        prompt = str(vary(kind, index))
        answer = engines(name).submit(kind.ask(prompt, max_tokens=12)).result(SECONDS)
        wanted = [entropy(scores) for scores in generated(loaded, prompt, 12)]
        assert answer.measures["entropy"] == pytest.approx(sum(wanted) / len(wanted), rel=1e-3)


def test_the_entropy_is_that_before_temperature(engines: Engines, kinds: Kinds) -> None:
    """Its first token is chosen from the same distribution, whatever the temperature."""
    ask, engine = kinds["llama"].ask, engines("llama")
    found = [
        engine.submit(ask(temperature=heat, max_tokens=1)).result(SECONDS).measures["entropy"]
        for heat in (0.0, 0.5, 1.5)
    ]
    assert found[1:] == pytest.approx(found[:1] * 2, rel=1e-5)
    assert 0 < found[0] < math.log(400)


@pytest.mark.parametrize("name", SEQ2SEQ)
def test_the_entropy_of_what_a_decoder_chose(name: str, engines: Engines, kinds: Kinds) -> None:
    """Neither a language's token, which is forced, nor beams have one."""
    engine, kind = engines(name), kinds[name]
    answer = engine.submit(kind.ask()).result(SECONDS)
    assert 0 < answer.measures["entropy"] < math.log(60_000)
    assert engine.submit(kind.ask(num_beams=2)).result(SECONDS).measures == {}


def test_of_a_list_the_entropy_is_the_mean_over_all_its_tokens(engines: Engines, kinds: Kinds) -> None:
    engine, kind = engines("bart"), kinds["bart"]
    texts = [str(vary(kind, index)) for index in range(4)]
    apart = [engine.submit(kind.ask(text)).result(SECONDS) for text in texts]
    together = engine.submit(kind.ask(texts)).result(SECONDS)
    tokens = [one.usage["completion_tokens"] for one in apart]
    wanted = sum(one.measures["entropy"] * count for one, count in zip(apart, tokens, strict=True))
    assert together.measures["entropy"] == pytest.approx(wanted / sum(tokens), rel=1e-3)


def test_who_is_put_back_keeps_what_was_measured(kinds: Kinds, in_float32: None) -> None:
    """The slots' own are in test_engine.py."""
    kind = kinds[STOCK]
    found: list[list[float]] = []
    for settings in (Settings(), Settings(kv_cache_bytes=512 * 160)):
        engine = load_version(kind.path, kind.task, settings, kind.engine)
        futures = [engine.submit(kind.ask(vary(kind, index), max_tokens=90)) for index in range(6)]
        found.append([future.result(SECONDS).measures["entropy"] for future in futures])
        engine.stop()
    assert found[1] == pytest.approx(found[0], rel=1e-3)


@pytest.mark.parametrize("name", WRITERS)
def test_a_prompt_is_as_likely_as_the_model_says(name: str, fresh: Engines, kinds: Kinds) -> None:
    """The first of an engine is measured for certain; others when there is time for it."""
    kind, engine = kinds[name], fresh(name)
    prompt = str(vary(kind, 1))
    answer = engine.submit(kind.ask(prompt)).result(SECONDS)
    assert answer.measures["prompt_logprob"] == pytest.approx(logprob(kind, prompt), rel=1e-3)


def test_a_prompt_of_one_token_has_no_likelihood(fresh: Engines, kinds: Kinds) -> None:
    answer = fresh("llama").submit(kinds["llama"].ask("T", max_tokens=4)).result(SECONDS)
    assert answer.usage["prompt_tokens"] == 1
    assert answer.measures.keys() == {"entropy"}


def test_a_label_wins_by_its_margin(engines: Engines, kinds: Kinds) -> None:
    engine, kind = engines("text-classification"), kinds["text-classification"]
    texts = [str(vary(kind, index)) for index in range(3)]
    margins = []
    for text in texts:
        answer = engine.submit(kind.ask(text)).result(SECONDS)
        best, second = (entry["score"] for entry in answer.output["scores"])
        assert answer.measures == {"margin": pytest.approx(best - second, abs=1e-6)}
        margins.append(best - second)
    together = engine.submit(kind.ask(texts, top_k=1)).result(SECONDS)
    assert together.measures["margin"] == pytest.approx(sum(margins) / 3, abs=1e-3)


@pytest.mark.parametrize("name", ["token-classification", "fill-mask", "question-answering", "minilm"])
def test_what_is_not_measured_is_absent(name: str, engines: Engines, kinds: Kinds) -> None:
    assert engines(name).submit(kinds[name].ask()).result(SECONDS).measures == {}
