"""YAML with the line of each thing in it, so that whatever is wrong can be shown where it stands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mainspring.errors import BadDeclaration

Step = str | int


class Document:
    """What a file says, and where."""

    def __init__(self, path: Path) -> None:
        """Raises BadDeclaration for what cannot be read, is not YAML, or says one thing twice."""
        self.path = path
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadDeclaration(
                f"{path} cannot be read ({type(error).__name__})",
                field=str(path),
                remedy="Name a file of YAML that you may read.",
            ) from None
        loader = yaml.SafeLoader(content)
        try:
            node = loader.get_single_node()
            self._root: yaml.Node | None = node
            if node is not None:
                self._refuse_twice(node)
            self.content: Any = None if node is None else loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            line = 1 if error.problem_mark is None else error.problem_mark.line + 1
            raise self._problem(
                line, f"this is not YAML: {error.problem}", "Correct the line, or what stands before it."
            ) from None
        finally:
            loader.dispose()

    def line(self, where: Sequence[Step]) -> int:
        """Of the deepest part of that path that is there, from 1 on."""
        node, line = self._root, 1
        for step in where:
            found = _child(node, step)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        return line

    def wrong(self, where: Sequence[Step], what: str, remedy: str) -> BadDeclaration:
        """The error to be raised for what stands there."""
        return self._problem(self.line(where), f"{'.'.join(map(str, where))}: {what}", remedy)

    def _problem(self, line: int, what: str, remedy: str) -> BadDeclaration:
        return BadDeclaration(what, field=f"{self.path}, line {line}", remedy=remedy)

    def _refuse_twice(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    raise self._problem(
                        key.start_mark.line + 1, f"`{key.value}` is said twice", "Leave one of them out."
                    )
                seen.add(key.value)
                self._refuse_twice(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._refuse_twice(value)


def _child(node: yaml.Node | None, step: Step) -> tuple[yaml.Node, yaml.Node] | None:
    """Where it begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None
