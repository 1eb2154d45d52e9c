"""A file of prompts: a line each, plain text or JSON; and where in it is what the server refuses."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainspring.client.wire import Refused
from mainspring.errors import InvalidRequest

_PLACE = re.compile(r"prompts\.(\d+)\.?(.*)")


@dataclass(frozen=True)
class PromptFile:
    """`prompts`: as the api takes them; `lines`: of each its number, from 1."""

    path: Path
    prompts: list[dict[str, Any]]
    lines: list[int]

    @contextmanager
    def located(self) -> Iterator[None]:
        """What is refused of a prompt names its line."""
        try:
            yield
        except Refused as refused:
            found = _PLACE.fullmatch(refused.field or "")
            if found is not None and int(found[1]) < len(self.lines):
                line = f"{self.path}, line {self.lines[int(found[1])]}"
                refused.field = f"{line}, {found[2]}" if found[2] else line
            raise


def read(path: Path, field: str) -> PromptFile:
    """Raises InvalidRequest with the line; `field`: the option that named the file."""
    found = PromptFile(path, [], [])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is not UTF-8", field=field, remedy="Save it as UTF-8.") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.prompts.append(_prompt(line, f"{path}, line {number}"))
            found.lines.append(number)
    if not found.prompts:
        raise InvalidRequest(f"{path} has no prompts", field=field, remedy="Give it one a line.")
    return found


def _prompt(line: str, where: str) -> dict[str, Any]:
    if line.lstrip().startswith('"'):
        with suppress(ValueError):  # a quotation, if it is no string of JSON
            return {"input": json.loads(line)}
    if not line.lstrip().startswith("{"):
        return {"input": line}
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        raise InvalidRequest(
            "it begins like JSON and is none",
            field=where,
            remedy='Write such as {"input": "…", "expected": "…"}, or plain text.',
        ) from None
    return found
