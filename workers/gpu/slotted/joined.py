"""What a layer does between its products, as operators of ours: a norm, and the gate of its middle, are one call each.

For a plain pass that is one kernel instead of six, and to a compiler they are given, so a compiled pass has the same.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, silu
from transformers import PreTrainedModel
from transformers.activations import GELUTanh, SiLUActivation

from workers.gpu.native.build import able
from workers.gpu.native.operators import define

_EARLY = {"LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm", "SmolLM3RMSNorm"}
_LATE = {"GemmaRMSNorm", "Gemma2RMSNorm", "Gemma3RMSNorm"}
_GATED = {"gate_proj", "up_proj", "down_proj", "act_fn"}
_ACTS = {SiLUActivation: "silu", nn.SiLU: "silu", GELUTanh: "gelu"}


class Norm(nn.Module):
    """Of [..., width] the root mean square norm. `late`: rounded after it is multiplied with one more than the weight."""

    def __init__(self, weight: nn.Parameter, eps: float, *, late: bool) -> None:
        super().__init__()
        self.weight, self.eps, self.late = weight, eps, late

    def forward(self, rows: Tensor) -> Tensor:
        made: Tensor = torch.ops.mainspring.rms_norm(rows, self.weight, self.eps, self.late)
        return made


class Gated(nn.Module):
    """A layer's middle, of the same parts by the same names."""

    def __init__(self, gate: nn.Module, up: nn.Module, down: nn.Module, act: str) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj, self.act = gate, up, down, act

    def forward(self, rows: Tensor) -> Tensor:
        """[..., hidden] to the same."""
        made = torch.ops.mainspring.gated(self.gate_proj(rows), self.up_proj(rows), self.act)
        down: Tensor = self.down_proj(made)
        return down


def join(model: PreTrainedModel) -> None:
    """In place, what of a model on a CPU is known to be of this kind; its parameters keep their names."""
    if model.device.type == "cuda" or not able(model.dtype):
        return
    for name, module in list(model.named_modules()):
        kind = type(module).__name__
        if kind in _EARLY | _LATE:
            model.set_submodule(name, _norm(module, late=kind in _LATE))
        elif dict(module.named_children()).keys() == _GATED and type(module.act_fn) in _ACTS:
            model.set_submodule(name, _gated(module))


def _norm(module: Any, *, late: bool) -> Norm:
    return Norm(module.weight, module.eps if late else module.variance_epsilon, late=late)


def _gated(module: Any) -> Gated:
    return Gated(module.gate_proj, module.up_proj, module.down_proj, _ACTS[type(module.act_fn)])


def _rms_norm(rows: Tensor, weight: Tensor, eps: float, late: bool) -> Tensor:  # noqa: FBT001  an operator's arguments are passed by position
    wide = rows.float()
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return (normed * (1 + weight.float())).to(rows.dtype) if late else weight * normed.to(rows.dtype)


def _gate(gates: Tensor, rows: Tensor, act: str) -> Tensor:
    return (silu(gates) if act == "silu" else gelu(gates, approximate="tanh")) * rows


define("rms_norm(Tensor rows, Tensor weight, float eps, bool late) -> Tensor", _rms_norm)
define("gated(Tensor gates, Tensor rows, str act) -> Tensor", _gate)


@torch.library.register_fake("mainspring::rms_norm")  # type: ignore[untyped-decorator]
def _normed_shape(rows: Tensor, *_: object) -> Tensor:
    return rows.new_empty(rows.shape)


@torch.library.register_fake("mainspring::gated")  # type: ignore[untyped-decorator]
def _gated_shape(gates: Tensor, *_: object) -> Tensor:
    return gates.new_empty(gates.shape)
