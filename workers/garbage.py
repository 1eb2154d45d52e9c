"""What a version held goes back to the system when it is unloaded, and not only to this process's allocator."""

import ctypes
import gc


def give_back() -> None:
    """Models are full of cycles, and glibc keeps what large allocations left behind. A few milliseconds."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
    if trim is not None:
        trim(0)
