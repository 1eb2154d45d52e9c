"""question-answering: which part of a context answers a question. A row is a conversation: a question, an empty line and
its context are asked, and the answer, word for word in the context, follows."""

from typing import Any

import numpy as np
from transformers import AutoModelForQuestionAnswering, DataCollatorWithPadding, EvalPrediction

from mainspring.curation.rows import Kind, Row
from workers.gpu.recipes.encoders.lesson import Lesson, Listed, Taught

OVERLAP = 4  # windows share the fourth part


def lesson(taught: Taught) -> Lesson:
    """Long contexts in overlapping windows, of which those that have the answer are learned. Raises TrainingFailed."""
    parameters, base = taught.parameters, taught.base
    training, held_out, learnt = taught.rows(Kind.CHAT, suits=_is_found)
    windows = [
        [window for row in rows for window in _windows(row, base.tokenizer, parameters.block_length)]
        for rows in (training, held_out)
    ]
    model = base.model(AutoModelForQuestionAnswering, frozen=parameters.lora is not None)
    return Lesson(
        model, Listed(windows[0]), Listed(windows[1]), DataCollatorWithPadding(base.tokenizer), learnt,
        measure=_accuracy,
    )  # fmt: skip


def _asked(row: Row) -> tuple[str, str, str]:
    """Question, context, answer."""
    question, _, context = row.messages[-2].content.partition("\n\n")
    return question, context, row.messages[-1].content


def _is_found(row: Row) -> bool:
    if len(row.messages) < 2:
        return False
    question, context, answer = _asked(row)
    return bool(question.strip() and answer) and answer in context


def _windows(row: Row, tokenizer: Any, length: int) -> list[dict[str, Any]]:
    question, context, answer = _asked(row)
    begin = context.index(answer)
    asked = len(tokenizer(question)["input_ids"])
    if length - asked < OVERLAP * 2:
        return []
    encoded = tokenizer(
        question, context, truncation="only_second", max_length=length, stride=(length - asked) // OVERLAP,
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    found = []
    for at, offsets in enumerate(encoded["offset_mapping"]):
        extents = zip(encoded.sequence_ids(at), offsets, strict=True)
        inside = [
            place
            for place, (of, (start, end)) in enumerate(extents)
            if of == 1 and start < begin + len(answer) and begin < end
        ]
        whole = inside and offsets[inside[0]][0] <= begin and offsets[inside[-1]][1] >= begin + len(answer)
        if whole:
            item = {
                "input_ids": encoded["input_ids"][at],
                "start_positions": inside[0],
                "end_positions": inside[-1],
            }
            kinds = encoded.get("token_type_ids")
            found.append(item if kinds is None else item | {"token_type_ids": kinds[at]})
    return found


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """The share of windows of which both ends of the answer are found."""
    ends = zip(prediction.predictions, prediction.label_ids, strict=True)
    right = [np.argmax(np.asarray(scores), axis=-1) == np.asarray(places) for scores, places in ends]
    return {"accuracy": float(np.logical_and(*right).mean())}
