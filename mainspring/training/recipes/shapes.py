"""What each recipe takes."""

from typing import Annotated, Literal

from pydantic import Field

from mainspring.training.recipes.fields import Digest, Learning, Modules, Rate, Steps, Strict, Text


class Import(Strict):
    """`model`: a folder on the train worker's machine, or a hub id; `revision` of the hub id.

    `base`: of an adapter, the version that it changes, with the digest of its files. `now`: without a rollout. `hold`: beside a version in production it waits until somebody says how it takes over.
    """

    model: Text
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    base: Annotated[str, Field(min_length=3, max_length=80)] | None = None
    base_digest: Digest | None = None
    now: bool = False
    hold: bool = False


class Corpus(Strict):
    """One of the two: the docstrings of installed modules, or a folder (or file) of .txt, .md and .jsonl (`text`)."""

    docstrings: Modules | None = None
    folder: Text | None = None


class ContinuedPretraining(Learning):
    """From `base`, or from nothing: then a small Llama-shaped model and its tokenizer are made.

    It learns a corpus, or the texts and conversations of a dataset. `held_out`: the share of a corpus' documents kept for
    evaluation; `learning_rate` is the peak, and when none is given 1e-4 for a base, 1e-3 for LoRA and 3e-3 for a model
    from nothing.
    """

    corpus: Corpus | None = None
    dataset: Digest | None = None
    base: Text | None = None
    steps: Steps = 400
    block_length: Annotated[int, Field(ge=16, le=131_072)] = 256
    chat_template: bool = True
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.05


class SupervisedFineTuning(Learning):
    """The answers of conversations are learned, or what texts are turned into, and not what was asked.

    The languages, of a translation: as a job names them. `learning_rate`: when none is given 2e-5, and 2e-4 for LoRA.
    """

    base: Text
    dataset: Digest
    source_language: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    target_language: Annotated[str, Field(min_length=1, max_length=32)] | None = None


class PreferenceTuning(Learning):
    """Which of two answers is the better one (dpo: Rafailov et al., 2023), or which are good and which are bad, one by one
    (kto: Ethayarajh et al., 2024).

    `beta`: how dear it is to leave what the base would say. `learning_rate`: when none is given 1e-6, and 1e-5 for LoRA.
    """

    base: Text
    dataset: Digest
    method: Literal["dpo", "kto"] = "dpo"
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1


class Examples(Strict):
    """One of the two: a label's modules, whose docstrings are its texts, or a JSONL file of {text, label}."""

    docstrings: Annotated[dict[str, Modules], Field(min_length=2, max_length=1000)] | None = None
    file: Text | None = None


class EncoderFineTuning(Learning):
    """An encoder for the deployment's task; its lowest `frozen_layers` layers and its embeddings stay as they are.

    `examples` are for text-classification alone. `examples_per_label` bounds what is taken of them; when it is not given,
    a file is taken whole and 600 of the docstrings. Of a dataset, all rows are. A base that has the task's head goes on
    with it, and with the labels that it knows.
    """

    base: Text
    examples: Examples | None = None
    dataset: Digest | None = None
    steps: Steps = 100
    learning_rate: Rate = 3e-4
    block_length: Annotated[int, Field(ge=8, le=8192)] = 64
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    frozen_layers: Annotated[int, Field(ge=0, le=1000)] = 4
    examples_per_label: Annotated[int, Field(ge=4, le=1_000_000)] | None = None
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.2
