"""Texts under their headings: the docstrings of installed packages, and text files. Read, never imported or run.

The order of a package's docstrings is that of its files' digests, so that a part of it is a sample of the whole, and the
same everywhere.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mainspring.errors import DatasetRefused

_HEADING = re.compile(r"^(\S.*)\n([*=\-~^#\"])\2{2,}[ \t]*$", re.MULTILINE)
_DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Document:
    """`heading` is what the text is about, where it says so."""

    heading: str
    text: str

    @property
    def digest(self) -> str:
        """Of the text without regard to case and space: what counts as the same document."""
        return hashlib.sha256(" ".join(self.text.lower().split()).encode(errors="replace")).hexdigest()


def docstrings(module: str, field: str = "docstrings") -> Iterator[Document]:
    """Of an installed module or package; `field` is who asks. Raises DatasetRefused when it is not installed."""
    for _, text in placed_docstrings(module, field):
        yield from sections(text)


def placed_docstrings(module: str, field: str = "docstrings") -> Iterator[tuple[str, str]]:
    """With where each was: a file below the package, and the number of the text in it."""
    root = _locate(module, field)
    files = [root] if root.is_file() else [p for p in root.rglob("*.py") if "tests" not in p.parts]
    for path in sorted(files, key=lambda p: hashlib.sha256(str(p.relative_to(root)).encode()).digest()):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError, RecursionError):
            continue
        within = path.name if path == root else path.relative_to(root).as_posix()
        for number, text in enumerate(_texts(tree), 1):
            yield f"{module}/{within}:{number}", text


def sections(text: str) -> Iterator[Document]:
    """A text under its headings; without any, its first line is what it is about."""
    text = text.strip()
    marks = list(_HEADING.finditer(text))
    if not marks or marks[0].start() > 0:
        before = text[: marks[0].start()] if marks else text
        yield Document(before.strip().partition("\n")[0].strip(" ."), before.strip())
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    for mark, end in zip(marks, ends, strict=False):  # a text without headings still has an end
        yield Document(mark[1].strip(), text[mark.end() : end].strip())


def _texts(tree: ast.Module) -> Iterator[str]:
    """Docstrings, and the values of dictionaries of texts (pydoc_data.topics is one)."""
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS) and (docstring := ast.get_docstring(node)):
            yield docstring
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            for value in node.value.values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def _locate(module: str, field: str) -> Path:
    """Its folder or file, without importing it: find_spec of a top-level name runs nothing."""
    top, _, rest = module.partition(".")
    try:
        spec = find_spec(top)
    except ValueError:
        spec = None
    if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
        origin = Path(spec.origin)
        root = origin.parent.joinpath(*rest.split(".")) if rest else origin.parent
        if not rest and origin.name != "__init__.py":
            return origin
        for place in (root, root.with_name(f"{root.name}.py")):
            if place.exists():
                return place
    raise DatasetRefused(
        f"the module {module} is not installed here as Python source",
        field=field,
        remedy="Name installed packages, or give files instead.",
    )
