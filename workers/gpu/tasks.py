"""Which head reads which task."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mainspring.errors import ModelRefused
from workers.gpu.answers import AnswerHead
from workers.gpu.classes import ClassHead
from workers.gpu.heads import Head, Texts
from workers.gpu.masks import MaskHead
from workers.gpu.spans import SpanHead
from workers.gpu.vectors import VectorHead


def head_for(
    task: str, path: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, context: int
) -> Head:
    """Raises ModelRefused when the tokenizer or the folder lacks what the task needs."""

    texts = Texts(tokenizer, context)
    if task in ("token-classification", "question-answering") and not tokenizer.is_fast:
        raise ModelRefused(
            f"{task} needs a tokenizer that knows where its tokens stand in the text",
            remedy="Save the fast tokenizer (tokenizer.json) beside the weights.",
        )
    if task == "text-classification":
        return ClassHead(texts, model.config)
    if task == "token-classification":
        return SpanHead(texts, model.config)
    if task == "fill-mask":
        return MaskHead(texts, model.config)
    if task == "question-answering":
        return AnswerHead(texts)
    return VectorHead(texts, path)
