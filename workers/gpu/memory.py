"""How much memory a worker may hold versions in, and how much one version will take."""

from pathlib import Path

import psutil
import torch
from transformers import AutoConfig, PreTrainedConfig

from mainspring.errors import LoadingFailed, ModelRefused
from mainspring.registry.adapters import base_of
from mainspring.settings import Settings
from workers.gpu import continuous, device, weights
from workers.gpu.seq2seq.decoding import batch_bytes
from workers.held import Need

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_HOST_SHARE, _GPU_SHARE = 0.6, 0.9
_GPU_CACHE_SHARE = 0.2  # of the GPU's memory, for one version's keys and values
WORKING_BYTES = 64 * 2**20  # activations and the tokenizer, for a small model
_CONTEXT_NAMES = (
    "max_position_embeddings",
    "max_encoder_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
)
_DEFAULT_CONTEXT = 2048
_FULL_SLOTS = 32  # there may be more slots, of which few fill their whole context
_ON_CPU = "DefaultCPUAllocator"  # torch raises a RuntimeError like any other there
SEQ2SEQ = ("translation", "summarization")


def memory_budget(settings: Settings) -> int:
    """Bytes that a worker's versions may take together: as set, else a share of the GPU, container or host."""
    if settings.worker_memory_bytes is not None:
        return settings.worker_memory_bytes
    if device.device().type == "cuda":
        return int(_gpu_bytes() * _GPU_SHARE)
    return int(min(psutil.virtual_memory().total, *limits()) * _HOST_SHARE)


def memory_needed(path: Path, task: str, settings: Settings) -> Need:
    """What a version will take once loaded, from its headers. Raises ModelRefused.

    The weights of a causal one are those of its base, which all adapters of that base, and itself, have in common.
    """
    base = base_of(path)
    whole, beside = _loaded_bytes(base), 0 if base == path else _loaded_bytes(path)
    if task != "text-generation":
        batch = 0
        if task in SEQ2SEQ:
            config = read_config(base)
            batch = batch_bytes(config, context_length(config), device.dtype())
        return Need(whole + beside + batch + 4 * WORKING_BYTES)
    config = read_config(base)
    tokens = cache_tokens(config, settings)
    cache = tokens * continuous.token_bytes(config.get_text_config(), device.dtype())
    own = beside + cache + continuous.workspace_bytes(tokens, device.dtype()) + WORKING_BYTES
    return Need(own, whole, of=str(base.resolve()))


def ran_out(error: BaseException | None) -> bool:
    """Whether it is memory that there was too little of, here or in what it came from."""
    while error is not None:
        if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _ON_CPU in str(error):
            return True
        error = error.__cause__
    return False


def too_little() -> LoadingFailed:
    """What is said then."""
    return LoadingFailed(
        "memory ran out while it was loaded",
        remedy="Give the worker's machine more memory, or the worker less of it (MAINSPRING_WORKER_MEMORY_BYTES).",
    )


def read_config(path: Path) -> PreTrainedConfig:
    """Raises ModelRefused; remote code is never run."""
    kind = weights.read_json(path / "config.json").get("model_type", "of no type")
    try:
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            path, local_files_only=True, trust_remote_code=False
        )
        return config  # noqa: TRY300  the whole of it is what may fail
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ModelRefused(
            f"the architecture `{kind}` is not one that this build knows",
            remedy="Use an architecture that transformers ships; code inside a model's folder is never run.",
        ) from None


def context_length(config: PreTrainedConfig, tokenizer_limit: int | None = None) -> int:
    """Positions that the model has. A tokenizer's limit counts when it is the smaller one."""
    text = config.get_text_config()
    found = next((n for name in _CONTEXT_NAMES if isinstance(n := getattr(text, name, None), int)), None)
    positions = found or _DEFAULT_CONTEXT
    if text.model_type in {"roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "xlm-roberta-xl"}:
        positions -= 2  # these count positions from the padding id on
    return min(positions, tokenizer_limit or positions)


def cache_tokens(config: PreTrainedConfig, settings: Settings) -> int:
    """Positions that a causal version's cache holds: the whole context of so many slots, within the budget."""
    budget = settings.kv_cache_bytes
    if device.device().type == "cuda":
        budget = max(budget, int(_gpu_bytes() * _GPU_CACHE_SHARE))
    wanted = _FULL_SLOTS * context_length(config)
    return continuous.cache_tokens(config.get_text_config(), device.dtype(), budget, wanted)


def _loaded_bytes(path: Path) -> int:
    """Of a folder's tensors, in the number format of this process."""
    numbers = sum(elements for elements, _ in weights.tensors(path).values())
    return int(numbers * device.dtype().itemsize * 1.1)


def _gpu_bytes() -> int:
    return int(torch.cuda.get_device_properties(device.device()).total_memory)


def limits() -> list[int]:
    """What the container allows; unlimited reads as `max` or as a number beyond the host's memory."""
    texts = [path.read_text().strip() for path in _CONTAINER_LIMITS if path.exists()]
    return [int(text) for text in texts if text.isdigit()] or [2**62]
