"""Which language a row is in, and whether it is one of those that are wanted."""

from collections.abc import Collection
from dataclasses import replace

from mainspring.curation.rows import Row
from mainspring.curation.steps import Step
from mainspring.curation.texts import parts
from mainspring.observe.languages import language

OTHER = "another language"


def speaking(languages: Collection[str] | None) -> Step:
    """None: any. A row of which nobody can say it, as it is too short, stays."""
    wanted = None if languages is None else frozenset(languages)

    def step(row: Row) -> Row | str:
        found = language(" ".join(parts(row)[0].split()) or row.content)
        if wanted is not None and found is not None and found not in wanted:
            return OTHER
        return replace(row, language=found) if found != row.language else row

    return step
