"""What a process does one at a time: loading a model, and loading what was compiled.

Both import much, and libraries walk over what is imported, which must not change under them.
"""

from threading import Lock

LOADING = Lock()
