"""Where torch finds the operators of our own: `torch.ops.mainspring`. A compiler calls them as they are."""

from collections.abc import Callable
from typing import Any

from torch.library import Library

_LIBRARY: Any = Library("mainspring", "DEF")  # type: ignore[no-untyped-call]


def define(schema: str, made: Callable[..., Any]) -> None:
    """`schema`: the operator's name, what it takes and gives; `made` does it, on any device."""
    _LIBRARY.define(schema)
    _LIBRARY.impl(schema.partition("(")[0], made, "CompositeExplicitAutograd")
