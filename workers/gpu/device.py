"""Where the weights run, in which number format, and on how many threads."""

import os
import platform
from functools import cache
from pathlib import Path
from time import perf_counter

import psutil
import torch
from torch.nn.functional import linear

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
_PRODUCTS = 20
_FAST_BF16 = {"avx512_bf16", "amx_bf16"}


@cache
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def dtype() -> torch.dtype:
    """bfloat16 on a GPU; on a processor that multiplies it in hardware, what is measured to be faster; else float32."""
    if device().type == "cuda":
        return torch.bfloat16
    return faster(torch.bfloat16, torch.float32) if _FAST_BF16 & _processor_flags() else torch.float32


def faster(*formats: torch.dtype) -> torch.dtype:
    """The number format in which a decode step's kind of product, few rows by a large matrix, takes the least time."""
    return min(formats, key=_product_seconds)


@torch.inference_mode()
def _product_seconds(format_: torch.dtype) -> float:
    rows, weight = torch.ones(32, 1024, dtype=format_), torch.ones(1024, 1024, dtype=format_)
    found = []
    for _ in range(1 + _PRODUCTS):
        begun = perf_counter()
        linear(rows, weight)
        found.append(perf_counter() - begun)
    return min(found[1:])


@cache
def use_threads() -> int:
    """Give torch as many threads as this process has real cores; more make small models slower."""
    threads = max(1, min(psutil.cpu_count(logical=False) or 1, len(os.sched_getaffinity(0)), _quota()))
    torch.set_num_threads(threads)
    return threads


def _quota() -> int:
    """Cores that the container may use: a quota is invisible in the affinity mask."""
    try:
        most, _, period = _CPU_MAX.read_text().partition(" ")
        return max(1, int(most) // int(period))
    except (OSError, ValueError):
        return os.cpu_count() or 1


def processor() -> str:
    """Its name."""
    return _about_processor("model name").strip() or platform.machine()


def _processor_flags() -> set[str]:
    return set(_about_processor("flags").split())


def _about_processor(name: str) -> str:
    """Of the first core, what Linux says; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith(name)), "")
