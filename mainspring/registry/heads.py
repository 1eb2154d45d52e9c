"""Which tasks an architecture has a head for, by the names that `transformers` gives its classes."""

from mainspring.errors import ModelRefused
from mainspring.tables import Task

_SEQ2SEQ = ("ForConditionalGeneration", "MTModel")
_NO_BODY = ("LMHeadModel", "MTModel")  # they end in `Model`, but are whole language models

HEADS: dict[Task, tuple[str, ...]] = {
    Task.TEXT_GENERATION: ("ForCausalLM", "LMHeadModel"),
    Task.TEXT_CLASSIFICATION: ("ForSequenceClassification",),
    Task.TOKEN_CLASSIFICATION: ("ForTokenClassification",),
    Task.FILL_MASK: ("ForMaskedLM",),
    Task.QUESTION_ANSWERING: ("ForQuestionAnswering", "ForQuestionAnsweringSimple"),
    # Embeddings need no head, only an encoder's body; each of these classes has one.
    Task.FEATURE_EXTRACTION: (
        "Model",
        "ForMaskedLM",
        "ForSequenceClassification",
        "ForTokenClassification",
        "ForQuestionAnswering",
    ),
    Task.TRANSLATION: _SEQ2SEQ,
    Task.SUMMARIZATION: _SEQ2SEQ,
}


def has_head(architecture: str, task: Task) -> bool:
    if task is Task.FEATURE_EXTRACTION and architecture.endswith(_NO_BODY):
        return False
    return architecture.endswith(HEADS[task])


def require_head(architecture: str, task: Task) -> None:
    """Raises ModelRefused, naming the architectures that have the head and the tasks that this one can do."""
    if has_head(architecture, task):
        return
    able = [other.value for other in Task if has_head(architecture, other)]
    wanted = " or ".join(f"…{suffix}" for suffix in HEADS[task])
    what = "an encoder's body" if task is Task.FEATURE_EXTRACTION else "a head"
    can = f"{architecture} can do: {', '.join(able)}." if able else "No task here has a use for it."
    raise ModelRefused(
        f"{architecture} does not have {what} for {task.value}",
        field="model",
        remedy=f"Choose a model whose architecture is {wanted}. {can}",
    )
