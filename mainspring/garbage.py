"""What a process has imported is left out of Python's search for garbage."""

import gc


def keep_imports() -> None:
    """What is there by now is never garbage: to look through it takes a tenth of a second to a quarter, again and again,
    and all threads wait.

    Once, by the edge of a process that serves.
    """
    gc.collect()
    gc.freeze()
