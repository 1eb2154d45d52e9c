"""A version's folder becomes an engine, or a refusal in plain words. Safetensors only, and no code from the folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
from transformers.utils.logging import disable_progress_bar

from mainspring.errors import ModelRefused
from mainspring.registry.adapters import base_of, is_adapter
from mainspring.registry.folder import has_tokenizer
from mainspring.serving.engine import Engine, Plan
from mainspring.settings import Settings
from mainspring.tables import EngineName
from workers.gpu import adapters, device, memory, weights
from workers.gpu.alone import LOADING
from workers.gpu.encoder import EncoderEngine
from workers.gpu.generation import GenerationEngine
from workers.gpu.heads import Texts
from workers.gpu.memory import SEQ2SEQ, memory_needed
from workers.gpu.planning import loop_for, plan_for
from workers.gpu.seq2seq.engine import Seq2SeqEngine
from workers.gpu.tasks import head_for

__all__ = ["Loaded", "check_loadable", "load_model", "load_version", "memory_needed"]

_CLASSES: dict[str, Any] = {
    "text-generation": AutoModelForCausalLM,
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
    "fill-mask": AutoModelForMaskedLM,
    "question-answering": AutoModelForQuestionAnswering,
    "feature-extraction": AutoModel,
    "translation": AutoModelForSeq2SeqLM,
    "summarization": AutoModelForSeq2SeqLM,
}
_UNUSED = (
    "pooler.",
    "bert.pooler.",
    "roberta.pooler.",
)  # a head for next-sentence prediction, which no task uses
_BROKEN = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    SafetensorError,
)


@dataclass(frozen=True)
class Loaded:
    """`context`: tokens that it reads (and, if causal, writes) in all."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    context: int


def load_version(
    path: Path, task: str, settings: Settings, asked: str = EngineName.AUTO, known: Plan | None = None
) -> Engine:
    """Load and start the engine that fits the task; `asked` names a causal one's loop.

    Raises ModelRefused, and LoadingFailed if memory ran out.
    """
    with LOADING:
        try:
            return _load_version(path, task, settings, asked, known)
        except Exception as error:  # too little memory is of many types, or the cause of another error
            if memory.ran_out(error):
                raise memory.too_little() from error
            raise


def _load_version(path: Path, task: str, settings: Settings, asked: str, known: Plan | None) -> Engine:
    device.use_threads()
    loaded = load_model(path, task)
    try:
        if task == "text-generation":
            if not is_adapter(path):
                adapters.keep(path, loaded.model)
            return _generation(loaded, settings, plan_for(loaded.model, asked, known))
        if task in SEQ2SEQ:
            return Seq2SeqEngine(task, loaded.model, Texts(loaded.tokenizer, loaded.context))
        return EncoderEngine(
            loaded.model, head_for(task, path, loaded.model, loaded.tokenizer, loaded.context)
        )
    except (ValueError, RuntimeError) as error:
        raise ModelRefused(
            f"the engine cannot run {type(loaded.model).__name__} ({type(error).__name__})",
            remedy="Use an architecture with standard attention layers, or give the worker more memory.",
        ) from error


def load_model(path: Path, task: str) -> Loaded:
    """The model in evaluation mode on this process's device, with its tokenizer. Raises ModelRefused."""
    if task not in _CLASSES:
        raise ModelRefused(f"there is no task `{task}`", remedy=f"Use one of: {', '.join(_CLASSES)}.")
    disable_progress_bar()  # type: ignore[no-untyped-call]
    weights.tensors(path)
    base = base_of(path)
    config = memory.read_config(base)
    _refuse_wrong_kind(config, task)
    tokenizer = _tokenizer(path if has_tokenizer(path) else base)
    model = _shared(path, base, config) if task == "text-generation" else None
    if model is None:
        model = _model(base, task, config)
        if is_adapter(path):
            adapters.merge(model, path)
    limit = tokenizer.model_max_length
    context = memory.context_length(config, limit if 0 < limit < 10**9 else None)
    return Loaded(model, tokenizer, context)


def _shared(path: Path, base: Path, config: PreTrainedConfig) -> PreTrainedModel | None:
    """Of an adapter's base, or of a model that is one, what is in memory; None: a whole model that nobody has here."""
    found = adapters.held(path)
    if found is None and is_adapter(path):
        adapters.keep(base, whole := _model(base, "text-generation", config))
        found = adapters.held(path)
        del whole
    if found is not None and is_adapter(path):
        adapters.adapt(found, path)
    return found


def check_loadable(path: Path, task: str) -> dict[str, Any]:
    """Load it once and say what it is: architecture, parameters, context_length, dtype, bytes. Raises ModelRefused."""
    loaded = load_model(path, task)
    if task != "text-generation" and task not in SEQ2SEQ:
        head_for(task, path, loaded.model, loaded.tokenizer, loaded.context)
    return {
        "architecture": type(loaded.model).__name__,
        "parameters": loaded.model.num_parameters(),
        "context_length": loaded.context,
        "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "bytes": sum(
            size for folder in {path, base_of(path)} for _, size in weights.tensors(folder).values()
        ),
    }


def _generation(loaded: Loaded, settings: Settings, plan: Plan) -> Engine:
    tokens = memory.cache_tokens(loaded.model.config, settings)
    return GenerationEngine(
        loaded.model,
        loaded.tokenizer,
        context=min(loaded.context, tokens),
        cache_tokens=tokens,
        end_ids=_end_ids(loaded),
        plan=plan,
        loop=loop_for(plan, compiling=settings.compile_steps),
    )


def _end_ids(loaded: Loaded) -> set[int]:
    """Every token that ends an answer: chat models name theirs now in one place, now in another."""
    model = loaded.model
    named = [
        getattr(model.generation_config, "eos_token_id", None),
        model.config.get_text_config().eos_token_id,
    ]
    ids = {loaded.tokenizer.eos_token_id}
    for name in named:
        ids |= set(name) if isinstance(name, list) else {name}
    return {token for token in ids if isinstance(token, int) and token >= 0}


def _refuse_wrong_kind(config: PreTrainedConfig, task: str) -> None:
    """transformers would load an encoder as a causal model, and it would write nonsense."""
    if task in SEQ2SEQ and not config.is_encoder_decoder:
        raise ModelRefused(
            f"`{config.model_type}` is not a sequence-to-sequence model, so it cannot do {task}",
            remedy="Use a model such as T5, BART, Marian or M2M100, or prompt a causal one under text-generation.",
        )
    if task != "text-generation":
        return
    encoder = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(
        config, "is_decoder", False
    )
    if config.is_encoder_decoder or encoder:
        raise ModelRefused(
            f"`{config.model_type}` is not a causal model, so it cannot generate text",
            remedy="Deploy it under the task that it was trained for, or use a causal model.",
        )


def _model(path: Path, task: str, config: PreTrainedConfig) -> PreTrainedModel:
    try:
        model, notes = _CLASSES[task].from_pretrained(
            path,
            config=config,
            dtype=device.dtype(),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except _BROKEN as error:
        raise ModelRefused(
            f"the weights cannot be loaded as a `{config.model_type}` model for {task} ({type(error).__name__})",
            remedy="Check that config.json and the weights belong together and that the architecture has this task.",
        ) from error
    missing = sorted(key for key in notes["missing_keys"] if not key.startswith(_UNUSED))
    if missing or notes.get("mismatched_keys"):
        raise ModelRefused(
            f"the weights lack what {task} needs: {', '.join(missing[:3]) or 'shapes that fit'}",
            remedy="Fine-tune the model for this task first, or deploy it under the task that it was trained for.",
        )
    loaded: PreTrainedModel = model.to(device.device()).eval()
    return loaded.requires_grad_(requires_grad=False)


def _tokenizer(path: Path) -> PreTrainedTokenizerBase:
    if not has_tokenizer(path):
        raise ModelRefused(
            "the folder has no tokenizer", remedy="Save the tokenizer beside the weights: `save_pretrained`."
        )
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            path, local_files_only=True, trust_remote_code=False
        )
    except _BROKEN as error:
        raise ModelRefused(f"the tokenizer cannot be loaded ({type(error).__name__})") from error
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()  # a folder may carry its training's limits; nothing is cut silently here
        backend.no_padding()
    return tokenizer
