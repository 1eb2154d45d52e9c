"""trl's trainers of preferences, in our loop: they are given token ids, and say nothing to anybody.

Left to themselves they count their use at a hub, write a model card beside each checkpoint, and quote a prompt in the log
when a chat template surprises them. Imported by who tunes by preferences: trl takes its time.
"""

from typing import Any

from datasets import Dataset, disable_progress_bars
from peft import PeftModel
from transformers import PreTrainedTokenizerBase, Trainer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer

from mainspring.training.recipes import PreferenceTuning

Items = list[dict[str, Any]]


class _Quiet:
    """Of a trainer whose reference is the base, read once before the loop, so that it is in memory once."""

    def __init__(self, **given: Any) -> None:
        disable_progress_bars()
        super().__init__(**given)
        model: Any = getattr(self, "model")  # noqa: B009  a trainer's, which this is mixed into
        if isinstance(model, PeftModel) and "ref" in model.peft_config:
            model.delete_adapter("ref")  # what it would have said of each example is known by now

    def _send_telemetry(self) -> None: ...

    def create_model_card(self, *_: Any, **__: Any) -> None: ...

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


class _Pairs(_Quiet, DPOTrainer): ...


class _Ratings(_Quiet, KTOTrainer): ...


def trainer_of(
    model: Any, parameters: PreferenceTuning, tokenizer: PreTrainedTokenizerBase, arguments: dict[str, Any],
    *, training: Items, held_out: Items,
) -> Trainer:  # fmt: skip
    """`arguments`: of TrainingArguments. Examples: of dpo {prompt_ids, chosen_ids, rejected_ids}, of kto {prompt_ids,
    completion_ids, KL_completion_ids, label}."""
    given = arguments | {
        "beta": parameters.beta,
        "max_length": parameters.block_length,
        "precompute_ref_log_probs": True,
        "gradient_checkpointing": False,
    }
    kind: Any = _Pairs
    config: Any = DPOConfig
    if parameters.method == "kto":
        kind, config = _Ratings, KTOConfig
        given |= {"train_sampling_strategy": "sequential"} | _weights(training)
    made: Trainer = kind(
        model=model,
        args=config(**given),
        train_dataset=Dataset.from_list(training),
        eval_dataset=Dataset.from_list(held_out),
        processing_class=tokenizer,
    )
    return made


def _weights(examples: Items) -> dict[str, float]:
    """So that good and bad answers weigh the same, however many there are of each (equation 8 of KTO)."""
    good = sum(one["label"] for one in examples)
    bad = len(examples) - good
    if not good or not bad:
        return {}
    return {"desirable_weight": max(1.0, bad / good), "undesirable_weight": max(1.0, good / bad)}
