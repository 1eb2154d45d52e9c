"""What is done to rows on the way, a step a file: each takes a row and gives it back, changed or not, or says why not."""

from collections.abc import Callable

from mainspring.curation.rows import Row

Step = Callable[[Row], Row | str]
"""A text is the reason why the row is removed: few different ones, and without a word of the row."""
