"""A decode step, or a pass of any length, compiled by a process of its own, for a worker that goes on serving.

torch traces by changing things of the whole process, so it must not do that where others run models. The process is
told how the model is built and makes one like it whose weights it never touches: they are what the step is called with.

    python -m workers.gpu.slotted.compiling < blueprint > step
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, fx, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from workers.gpu.adapters import Adapted
from workers.gpu.packed import LayerOf, PackedLinear
from workers.gpu.slotted import rounding
from workers.gpu.slotted.attention import NAME
from workers.gpu.slotted.joined import join
from workers.gpu.slotted.passes import read, read_short, step

ANY, SHORT = 0, -1
_LIKELY, _MOST = 64, 2**20  # tokens of a pass that reads
_SERIAL = 16384  # elements from which on a loop is worth waking another thread
_NICE = 5  # beside those who answer on a busy core the compiler has a quarter of it, else what is left


@dataclass(frozen=True)
class Blueprint:
    """`layers`: product, width, begin and end of each packed layer by its name; `adapted`: the names of those that have an
    adapter beside them; `store`: the slots' number; `width`: rows of a step, or ANY: a pass that also reads, or SHORT: one
    that reads short parts alone.

    Both kinds of number are those of the process that will run the step on so many `threads`.
    """

    config: dict[str, Any]
    dtype: str
    layers: dict[str, tuple[int, int, int, int]]
    adapted: list[str]
    store: int
    width: int
    threads: int


def blueprint(model: PreTrainedModel, store: int, width: int, threads: int) -> Blueprint:
    packed = {
        name: (one.number, one.width, one.begin, one.end)
        for name, one in model.named_modules()
        if isinstance(one, PackedLinear)
    }
    adapted = [name for name, one in model.named_modules() if isinstance(one, Adapted)]
    config = json.loads(model.config.to_json_string(use_diff=False))
    return Blueprint(config, str(model.dtype).removeprefix("torch."), packed, adapted, store, width, threads)


def start() -> "subprocess.Popen[bytes]":
    """The process. It reads a blueprint, writes what `load` reads, and ends."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def asked(plan: Blueprint) -> bytes:
    return json.dumps(asdict(plan)).encode()


def load(made: bytes) -> Any:
    """A function of the model and of the tensors that `step` or `read` takes. The first time it takes seconds, of imports."""
    from torch.compiler import load_compiled_function

    found: Any = load_compiled_function(BytesIO(made))
    found.disable_guard_check()
    return found


def _compile(plan: Blueprint) -> bytes:
    from torch._inductor import config as inductor

    torch.set_num_threads(plan.threads)  # their number becomes part of the step
    rounding.keep_kernels()
    run, inputs = _made_of(plan)
    settings: dict[str, Any] = {
        "compile_threads": 1,  # more would be processes of their own
        "post_grad_custom_pre_pass": _once,
        "cpp.min_chunk_size": _SERIAL,
        **rounding.SETTINGS,
        "cpp_wrapper": True,  # one call in C++, which holds the interpreter's lock nowhere
    }
    patch: Any = inductor.patch(settings)
    with torch.no_grad(), patch:
        guards: dict[str, Any] = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}  # shapes are kept
        whole: Any = torch.compile(run, fullgraph=True, options=guards)
        made = whole.aot_compile(((_model(plan), *inputs), {}))
    written: bytes = type(made).serialize(made).serialized_data
    return written


def _once(graph: fx.Graph) -> None:
    """What several layers are parts of is multiplied once: for the compiler an operator of ours could do anything."""
    seen: dict[tuple[Any, ...], fx.Node] = {}
    for node in list(graph.nodes):
        if node.target is not torch.ops.mainspring.packed_linear.default:
            continue
        first = seen.setdefault(node.args, node)
        if first is not node:
            node.replace_all_uses_with(first)
            graph.erase_node(node)


def _made_of(plan: Blueprint) -> tuple[Callable[..., Tensor], list[Tensor]]:
    if plan.width == ANY:
        return _reading()
    return _reading_short(plan.store) if plan.width == SHORT else _stepping(plan.store, plan.width)


def _stepping(store: int, width: int) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """The function, and tensors of the only shapes that it will get."""

    def one(model: PreTrainedModel, tokens: Tensor, positions: Tensor, slots: Tensor) -> Tensor:
        return step(model, store, tokens, positions, slots)

    return one, [torch.zeros(width, dtype=torch.long) for _ in range(3)]


def _reading() -> tuple[Callable[..., Tensor], list[Tensor]]:
    """The function, and tensors whose lengths stand for any from two on."""
    return read, [*_of_any_length((1, _LIKELY), (1, _LIKELY), (_LIKELY,)), torch.tensor(0)]


def _reading_short(store: int) -> tuple[Callable[..., Tensor], list[Tensor]]:
    def short(model: PreTrainedModel, ids: Tensor, positions: Tensor, keep: Tensor, slots: Tensor) -> Tensor:
        return read_short(model, store, ids, positions, keep, slots)

    return short, _of_any_length((1, _LIKELY), (1, _LIKELY), (_LIKELY,), (_LIKELY,))


def _of_any_length(*shapes: tuple[int, ...]) -> list[Tensor]:
    made = [torch.zeros(shape, dtype=torch.long) for shape in shapes]
    for tensor in made:
        torch._dynamo.mark_dynamic(tensor, tensor.dim() - 1, min=2, max=_MOST)  # noqa: SLF001
    return made


def _model(plan: Blueprint) -> PreTrainedModel:
    """Its tensors are memory that nobody has written or will read."""
    config = AutoConfig.for_model(**plan.config)
    with torch.device("meta"):
        causal: Any = AutoModelForCausalLM
        model: Any = causal.from_config(config, dtype=getattr(torch, plan.dtype))
        for name in plan.adapted:
            model.set_submodule(name, Adapted())
        for name, layer in plan.layers.items():
            model.set_submodule(name, LayerOf(*layer))
        join(model)
    model.config._attn_implementation = NAME  # noqa: SLF001  as `prepare` does
    found: nn.Module = model.to_empty(device="cpu").eval().requires_grad_(requires_grad=False)
    return found  # type: ignore[return-value]


def main() -> None:
    os.nice(_NICE)
    plan = Blueprint(**json.load(sys.stdin))
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever a library says goes elsewhere
    with os.fdopen(answer, "wb") as out:
        out.write(_compile(plan))


if __name__ == "__main__":
    main()
