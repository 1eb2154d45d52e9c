"""Builds the operators for this processor when they are first wanted, in a few seconds, and keeps what it built."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from platformdirs import user_cache_path

from mainspring.logs import log

_HERE = Path(__file__).parent
_SOURCE = "operators.cpp"
_TORCH = Path(torch.__file__).parent
KINDS = (torch.float32, torch.bfloat16)
_COMPILE = [
    *("-std=c++20", "-O3", "-march=native", "-ffast-math", "-fno-finite-math-only", "-fopenmp", "-fPIC"),
    *("-fvisibility=hidden", "-DTORCH_TARGET_VERSION=0x020d000000000000", f"-I{_TORCH}/include", "-c"),
]
# Without -ffast-math: linked with it, a library takes subnormals from the process.
_LINK = ["-shared", "-fopenmp", f"-L{_TORCH}/lib", "-ltorch_cpu", "-lc10"]


def able(dtype: torch.dtype) -> bool:
    """Whether CPU tensors of that data type have them. False for all on a machine without a C++ compiler."""
    return dtype in KINDS and loaded()


def compiler() -> str | None:
    """The one that CXX names, else the usual ones."""
    named = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
    return next((found for name in named if name and (found := shutil.which(name))), None)


@cache
def loaded() -> bool:
    """Whether torch has them now; the first time they are built, or found where an earlier process left them."""
    program = compiler()
    if program is None:
        log.warning("native.no_compiler", remedy="Install g++: decode steps are slower without it.")
        return False
    try:
        with _place() as folder:
            torch.ops.load_library(_kept(program, folder))  # type: ignore[no-untyped-call]
    except (OSError, subprocess.CalledProcessError) as error:
        log.warning("native.not_built", cause=type(error).__name__, reason=_said(error))
        return False
    return True


@contextmanager
def _place() -> Iterator[Path]:
    """The user's cache; if that cannot be written, a folder that is gone once the library is loaded."""
    folder = user_cache_path("mainspring")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        with tempfile.TemporaryDirectory(prefix="mainspring-") as own:
            yield Path(own)
    else:
        yield folder


def _kept(program: str, folder: Path) -> Path:
    library = folder / f"operators-{_digest(program)}.so"
    if not library.exists():
        _build(program, library)
    return library


def _build(program: str, library: Path) -> None:
    """Whole or not at all, whoever else builds the same."""
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        compiled, linked = Path(folder) / "operators.o", Path(folder) / "operators.so"
        _run(program, *_COMPILE, _HERE / _SOURCE, "-o", compiled)
        _run(program, compiled, *_LINK, "-o", linked)
        linked.replace(library)


def _digest(program: str) -> str:
    """Of all that the library depends on: a home may be shared by machines whose processors differ."""
    parts = [*_COMPILE, *_LINK, program, torch.__version__, _processor()]
    parts += [path.read_text() for path in sorted([*_HERE.glob("*.h"), _HERE / _SOURCE])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.node()}"
    named = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(named)}))


def _said(error: Exception) -> str:
    said = (
        error.stderr.decode(errors="replace")
        if isinstance(error, subprocess.CalledProcessError)
        else str(error)
    )
    return said[-400:]


def _run(program: str, *arguments: str | Path) -> None:
    subprocess.run([program, *arguments], check=True, capture_output=True)
