"""A compiled pass rounds where the plain one does, so that an answer is the same whichever of them made its tokens.

For the process that compiles: it changes tables of torch's own.
"""

from collections.abc import Callable
from typing import Any

import torch

# What is bfloat16 between two operations stays so where they are fused.
SETTINGS = {"emulate_precision_casts": True}


def keep_kernels() -> None:
    """What a compiler would sum in another order, or work out in its own way, stays the kernel that the plain pass has."""
    from torch._inductor import lowering

    aten = torch.ops.aten
    functions = (aten.cos, aten.sin, aten.tanh, aten.gelu, aten.native_layer_norm)
    for function in functions:
        _keep(function.default)
    fused: Callable[..., Any] = lowering.lowerings[aten.pow.Tensor_Scalar]
    kept = _keep(aten.pow.Tensor_Scalar)

    def power(base: Any, exponent: float) -> Any:
        return (fused if exponent == 2 else kept)(base, exponent)  # a square is rounded once, by anybody

    lowering.lowerings[aten.pow.Tensor_Scalar] = power


def _keep(operator: Any) -> Callable[..., Any]:
    from torch._inductor import decomposition, lowering

    decomposition.decompositions.pop(operator, None)
    lowering.lowerings.pop(operator, None)
    lowering.make_fallback(operator, warn=False)  # type: ignore[no-untyped-call]
    made: Callable[..., Any] = lowering.lowerings[operator]
    return made
