"""How likely two versions find the same texts."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from mainspring.errors import ModelRefused
from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.suite import MeasuringSet, Suite
from mainspring.terms import Task
from tests.contract import models
from tests.workers.measuring import Told, chat, measure, text
from workers.gpu.evaluating import evaluate
from workers.gpu.load import load_model

LONG = " ".join(models.TEXTS) * 4
ROWS = [text(f"{number} {models.TEXTS[number % 4]}", group=str(number % 12)) for number in range(40)]
CHATS = [chat(f"Who wound watch {number}?", models.TEXTS[number % 4]) for number in range(20)]
CAUSAL = Task.TEXT_GENERATION


def causal(folder: Path, name: str = "llama", template: str | None = models.CHAT) -> Path:
    tokenizer = models.byte_level()
    tokenizer.chat_template = template
    return models.save(models.causal(name), tokenizer, folder)


def letters() -> PreTrainedTokenizerFast:
    """One token a byte."""
    made = models.byte_level()
    made.backend_tokenizer.model = type(made.backend_tokenizer.model)(
        {token: at for token, at in made.get_vocab().items() if len(token) == 1 or token == "<end>"}, []
    )
    return made


def test_it_is_what_the_model_says_token_by_token(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    found = measure(tmp_path, CAUSAL, path, None, new=[text(models.TEXTS[0])])
    loaded = load_model(path, CAUSAL)
    ids = torch.tensor([[0, *loaded.tokenizer(models.TEXTS[0])["input_ids"]]])
    logs = loaded.model(ids).logits.float().log_softmax(dim=-1)
    wanted = logs[0, :-1].gather(1, ids[0, 1:, None]).mean()
    one = found.of("likelihood.new")
    assert one is not None
    assert one.challenger is not None
    assert one.challenger.value == pytest.approx(float(wanted), rel=1e-4)
    assert (one.unit, one.better, one.champion, one.items) == ("nats per token", "higher", None, 1)


def test_two_on_the_same_items_by_their_sources(tmp_path: Path) -> None:
    told = Told()
    one, other = causal(tmp_path / "a"), causal(tmp_path / "b", "qwen2")
    found = measure(tmp_path, CAUSAL, one, other, told=told, new=ROWS, old=CHATS)
    new = found.of("likelihood.new")
    assert new is not None
    assert new.challenger is not None
    assert new.champion is not None
    assert new.difference is not None
    assert new.difference.low is not None
    assert new.difference.high is not None
    assert new.difference.value == pytest.approx(new.challenger.value - new.champion.value)
    assert new.difference.low < new.difference.value < new.difference.high
    assert (new.items, new.clusters) == (40, 12)
    assert found.of("likelihood.old") is not None
    assert told.fractions == sorted(told.fractions)
    assert told.activities[0] == "challenger: reading new"
    again = measure(tmp_path, CAUSAL, one, other, new=ROWS, old=CHATS)
    assert again == found


def test_a_version_differs_from_itself_by_nothing(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    found = measure(tmp_path, CAUSAL, path, path, new=[*ROWS, text(LONG)], old=CHATS)
    for one in found.measured:
        assert one.difference is not None
        assert (one.difference.value, one.difference.low, one.difference.high) == (0, 0, 0)
    assert found.notes == ()


def test_a_text_longer_than_the_context_is_read_to_its_end(tmp_path: Path) -> None:
    found = measure(tmp_path, CAUSAL, causal(tmp_path / "a"), None, new=[text(LONG)], old=[chat(LONG, LONG)])
    ids = models.byte_level()(LONG)["input_ids"]
    assert len(ids) > 2 * models.CONTEXT
    for name in ("likelihood.new", "likelihood.old"):
        one = found.of(name)
        assert one is not None
        assert one.challenger is not None
        assert one.challenger.value < 0


def test_of_a_conversation_the_answer_counts_given_what_was_asked(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    found = measure(tmp_path, CAUSAL, path, None, new=[CHATS[0]])
    loaded = load_model(path, CAUSAL)
    asked = loaded.tokenizer("<user>Who wound watch 0?\n<assistant>")["input_ids"]
    answer = loaded.tokenizer(models.TEXTS[0])["input_ids"]
    logs = loaded.model(torch.tensor([[*asked, *answer]])).logits[0].float().log_softmax(dim=-1)
    wanted = logs[len(asked) - 1 : -1].gather(1, torch.tensor(answer)[:, None]).mean()
    one = found.of("likelihood.new")
    assert one is not None
    assert one.challenger is not None
    assert one.challenger.value == pytest.approx(float(wanted), rel=1e-4)


def test_other_tokens_are_told_by_the_champions(tmp_path: Path) -> None:
    plain = models.save(models.causal("llama"), letters(), tmp_path / "b")
    found = measure(tmp_path, CAUSAL, causal(tmp_path / "a"), plain, new=ROWS, old=CHATS)
    for name in ("likelihood.new", "likelihood.old"):
        one = found.of(name)
        assert one is not None
        assert one.unit == "nats per token of the champion's"
        assert one.challenger is not None
        assert (
            one.details["nats_per_byte"]["challenger"] == one.challenger.value
        )  # whose tokens are bytes here


def test_broken_numbers_are_counted_and_not_averaged(tmp_path: Path) -> None:
    model = models.causal("llama")
    with torch.no_grad():
        model.get_input_embeddings().weight[5] = torch.nan
    path = models.save(model, models.byte_level(), tmp_path / "broken")
    spoilt = models.byte_level().decode([5])
    rows = [*ROWS, text(f"{spoilt} {spoilt} is what it cannot read")]
    found = measure(tmp_path, CAUSAL, path, causal(tmp_path / "a"), new=rows)
    one = found.of("likelihood.new")
    assert one is not None
    assert one.details["broken"] >= 1
    assert one.items + one.details["broken"] == 41


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    suite = Suite(task=CAUSAL, sets=(MeasuringSet(name="new", dataset="0" * 64),))
    with pytest.raises(EvaluationFailed, match="are not here") as failed:
        evaluate(suite, causal(tmp_path / "a"), None, tmp_path, Told())
    assert failed.value.field == "suite.sets"
    with pytest.raises(ModelRefused):
        measure(tmp_path, CAUSAL, tmp_path / "nowhere", None, new=ROWS)


def test_whoever_tells_may_end_it(tmp_path: Path) -> None:
    class Over(Exception): ...

    def tell(*_: object) -> None:
        raise Over

    with pytest.raises(Over):
        measure(tmp_path, CAUSAL, causal(tmp_path / "a"), None, told=tell, new=ROWS)  # type: ignore[arg-type]
