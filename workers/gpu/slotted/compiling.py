"""A decode step compiled by a process of its own, for a worker that goes on serving.

torch traces by changing things of the whole process, so it must not do that where others run models. The process is
told how the model is built and makes one like it whose weights it never touches: they are what the step is called with.

    python -m workers.gpu.slotted.compiling < blueprint > step
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from workers.gpu.packed import LayerOf, PackedLinear
from workers.gpu.slotted.attention import NAME
from workers.gpu.slotted.passes import step

_NICE = 5  # beside those who answer on a busy core the compiler has a quarter of it, else what is left


@dataclass(frozen=True)
class Blueprint:
    """`layers`: number and width of each packed layer by its name; `store`: the slots' number; `width`: rows of a step.

    Both kinds of number are those of the process that will run the step on so many `threads`.
    """

    config: dict[str, Any]
    dtype: str
    layers: dict[str, tuple[int, int]]
    store: int
    width: int
    threads: int


def blueprint(model: PreTrainedModel, store: int, width: int, threads: int) -> Blueprint:
    packed = {
        name: (one.number, one.width) for name, one in model.named_modules() if isinstance(one, PackedLinear)
    }
    config = json.loads(model.config.to_json_string(use_diff=False))
    return Blueprint(config, str(model.dtype).removeprefix("torch."), packed, store, width, threads)


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
    """A function of the model and of what `step` takes of each row. The first time it takes seconds, of imports."""
    from torch.compiler import load_compiled_function

    found: Any = load_compiled_function(BytesIO(made))
    found.disable_guard_check()
    return found


def _compile(plan: Blueprint) -> bytes:
    from torch._inductor import config as inductor

    torch.set_num_threads(plan.threads)  # their number becomes part of the step

    store = plan.store  # what `one` refers to is written with it

    def one(model: PreTrainedModel, tokens: Tensor, positions: Tensor, slots: Tensor) -> Tensor:
        return step(model, store, tokens, positions, slots)

    numbers = [torch.zeros(plan.width, dtype=torch.long) for _ in range(3)]
    with torch.no_grad(), inductor.patch(compile_threads=1):  # more would be processes of their own
        guards: dict[str, Any] = {
            "guard_filter_fn": torch.compiler.skip_all_guards_unsafe
        }  # the shapes are kept
        whole: Any = torch.compile(one, fullgraph=True, dynamic=False, options=guards)
        made = whole.aot_compile(((_model(plan), *numbers), {}))
    written: bytes = type(made).serialize(made).serialized_data
    return written


def _model(plan: Blueprint) -> PreTrainedModel:
    """Its tensors are memory that nobody has written or will read."""
    config = AutoConfig.for_model(**plan.config)
    with torch.device("meta"):
        causal: Any = AutoModelForCausalLM
        model: Any = causal.from_config(config, dtype=getattr(torch, plan.dtype))
        for name, (number, width) in plan.layers.items():
            model.set_submodule(name, LayerOf(number, width))
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
