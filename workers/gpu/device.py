"""Where the weights run, in which number format, and on how many threads."""

import os
import platform
from functools import cache
from pathlib import Path

import psutil
import torch

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
_FAST_BF16 = {"avx512_bf16", "amx_bf16"}


@cache
def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def dtype() -> torch.dtype:
    """bfloat16 on a GPU, and on a processor that multiplies it in hardware; elsewhere it is slower than float32."""
    if device().type == "cuda":
        return torch.bfloat16
    return torch.bfloat16 if _FAST_BF16 & _processor_flags() else torch.float32


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
