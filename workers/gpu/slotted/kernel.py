"""The attention of kernel.cpp, built for this processor when it is first wanted. It takes about a second."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from mainspring.logs import log

Attend = Callable[..., None]

_SOURCE = Path(__file__).with_name("kernel.cpp")
_COMPILE = ["-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-fopenmp", "-fPIC", "-c"]
_LINK = [
    "-shared",
    "-fopenmp",
]  # without -ffast-math: linked with it, a library takes subnormals from the process
_NAMES = {torch.float32: "attend_float32", torch.bfloat16: "attend_bfloat16"}
_ARGUMENTS = [ctypes.c_void_p] * 8 + [ctypes.c_int64] * 6 + [ctypes.c_float] * 2


def built(dtype: torch.dtype) -> Attend | None:
    """None for a data type that it does not know and on a machine without a C++ compiler."""
    library = _library()
    if library is None or dtype not in _NAMES:
        return None
    found: Attend = getattr(library, _NAMES[dtype])
    return found


def compiler() -> str | None:
    """The one that CXX names, else the usual ones."""
    named = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
    return next((found for name in named if name and (found := shutil.which(name))), None)


def address(tensor: Tensor) -> int:
    return tensor.data_ptr()


@cache
def _library() -> ctypes.CDLL | None:
    program = compiler()
    if program is None:
        log.warning("slots.no_compiler", remedy="Install g++: decode steps are slower without it.")
        return None
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        compiled, path = Path(folder) / "kernel.o", Path(folder) / "kernel.so"
        try:
            _run(program, *_COMPILE, _SOURCE, "-o", compiled)
            _run(program, *_LINK, compiled, "-o", path)
            library = ctypes.CDLL(str(path))
        except (OSError, subprocess.CalledProcessError) as error:
            log.warning("slots.not_built", cause=type(error).__name__)
            return None
    for name in _NAMES.values():
        function = getattr(library, name)
        function.argtypes, function.restype = _ARGUMENTS, None
    return library


def _run(program: str, *arguments: str | Path) -> None:
    subprocess.run([program, *arguments], check=True, capture_output=True)
