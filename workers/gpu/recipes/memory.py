"""Whether a training loop fits into the memory that is free, before it starts; the remedy where it does not."""

from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from mainspring.training.errors import TrainingFailed
from mainspring.training.estimate import Build, Bytes, estimate, parts_that_fit
from mainspring.training.loop import Loop
from workers.gpu import weights
from workers.gpu.device import device
from workers.gpu.memory import context_length, limits, read_config
from workers.gpu.recipes import processes

SPARE = 0.95  # of what is free; the rest is for what the estimate does not see
_USED = (
    (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat"), "inactive_file"),
    (
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.stat"),
        "total_inactive_file",
    ),
)
_COMPOSED = {"gelu_new", "gelu_fast", "quick_gelu", "gelu_accurate"}
_LOOKED_AT = 64  # examples, for how long the longest is


def require(model: PreTrainedModel, loop: Loop, examples: Any) -> None:
    """Raises TrainingFailed, with what would fit, when this loop over the examples does not."""
    length = _longest(examples)
    _require(
        build_of(model), loop, length, here=sum(p.numel() * p.element_size() for p in model.parameters())
    )


def require_for(folder: Path, loop: Loop, length: int, *, trained: float = 1.0) -> None:
    """As require(), of a base that is not loaded yet. `trained`: the share of its parameters, such as 0.01 with LoRA."""
    config = read_config(folder)
    numbers = sum(elements for elements, _ in weights.tensors(folder).values())
    build = _build(config, numbers, int(numbers * trained), words=True, adapted=trained < 1)
    _require(build, loop, min(length, context_length(config)), here=0)


def build_of(model: PreTrainedModel) -> Build:
    parameters = [(p.numel(), p.requires_grad) for p in model.parameters()]
    head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return _build(
        model.config,
        sum(many for many, _ in parameters),
        sum(many for many, trained in parameters if trained),
        words=isinstance(head, nn.Module),
        adapted=hasattr(model, "peft_config"),
    )


def free() -> int:
    """Bytes that this process may still take: of the GPU, or of the container or host."""
    if device().type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return min(psutil.virtual_memory().available, min(limits()) - _used())


def _require(build: Build, loop: Loop, length: int, *, here: int) -> None:
    """`here`: what of the model this process holds already, where it will be trained."""
    others = processes.together().num_processes
    on_gpu = device().type == "cuda"
    wanted = estimate(build, loop.micro_batch(others), length, half=on_gpu)
    if on_gpu and _is_sharded():
        wanted = wanted.shared(others)
    room = int(free() * SPARE) // (1 if on_gpu else others) + (0 if on_gpu else min(here, wanted.weights))
    if wanted.total > room:
        raise _refusal(build, loop, length, wanted, room)


def _refusal(build: Build, loop: Loop, length: int, wanted: Bytes, room: int) -> TrainingFailed:
    parts = parts_that_fit(build, loop.batch_size, length, room, half=device().type == "cuda")
    if wanted.held > room:
        field = "parameters.base"
        remedy = "Train an adapter (lora), choose a smaller base, or share it among several GPUs (MAINSPRING_TRAIN_LAUNCH)."
    elif parts is None:
        field, remedy = (
            "parameters.block_length",
            "Give a shorter block_length: not even one text a pass fits.",
        )
    else:
        field = "parameters.batch_size"
        remedy = (
            f"Give accumulation_steps of {parts}, which trains the same, a batch_size of {loop.batch_size // parts}, "
            "or a shorter block_length."
        )
    return TrainingFailed(
        f"training would take {_gigabytes(wanted.total)} GiB, of which {_gigabytes(wanted.held)} for the model, its "
        f"gradients and the optimizer, and there are {_gigabytes(room)}",
        field=field,
        remedy=remedy,
    )


def _build(config: PreTrainedConfig, parameters: int, trained: int, *, words: bool, adapted: bool) -> Build:
    text: Any = config.get_text_config()
    hidden = _first(text, "hidden_size", "d_model", "n_embd", default=1024)
    layers = _first(text, "num_hidden_layers", "num_layers", "n_layer", default=24)
    decoder = _first(text, "decoder_layers", "num_decoder_layers", default=0)
    inner = _first(text, "intermediate_size", "d_ff", "encoder_ffn_dim", "n_inner", default=4 * hidden)
    heads = _first(text, "num_attention_heads", "num_heads", "encoder_attention_heads", "n_head", default=16)
    return Build(
        parameters,
        trained,
        layers + (decoder if config.is_encoder_decoder else 0),
        hidden,
        inner,
        heads,
        vocabulary=_first(text, "vocab_size", default=0) if words else 0,
        quadratic=getattr(config, "_attn_implementation", None) == "eager",
        composed={getattr(text, name, None) for name in ("hidden_act", "activation_function")} & _COMPOSED
        != set(),
        adapted=adapted,
    )


def _first(config: Any, *names: str, default: int) -> int:
    return next((n for name in names if isinstance(n := getattr(config, name, None), int)), default)


def _longest(examples: Any) -> int:
    """Tokens of the longest of some of them, evenly spaced."""
    step = max(1, len(examples) // _LOOKED_AT)
    some = [examples[place] for place in range(0, len(examples), step)][:_LOOKED_AT]
    return max((len(one["input_ids"]) for one in some if "input_ids" in one), default=1)


def _used() -> int:
    """What the container holds, without what the kernel would give back; 0 where that is not known."""
    for current, statistics, name in _USED:
        try:
            lines = statistics.read_text().splitlines()
            given_back = next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
            return int(current.read_text()) - given_back
        except (OSError, ValueError):
            continue
    return 0


def _is_sharded() -> bool:
    """Whether the launcher asks for FSDP: the trainer that would know is not made yet."""
    from accelerate.utils import parse_flag_from_env

    return bool(parse_flag_from_env("ACCELERATE_USE_FSDP"))


def _gigabytes(many: int) -> str:
    return f"{many / 2**30:.1f}"
