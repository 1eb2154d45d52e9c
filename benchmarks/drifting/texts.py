"""Paragraphs of installed documentation, by subject: prose of about 300 characters, none of them twice."""

import ast
import importlib.util
import pydoc
import random
import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

SHORTEST, LONGEST = 200, 400  # characters
SHORTEST_OF = {"python": 160}  # of which there is less
MOST = 4_000  # of a subject
RUN = 5  # words; a paragraph most of whose runs were read before is a copy
LEFT_OUT = {"tests", "test", "testing", "idlelib", "site-packages", "lib2to3", "_vendor"}
PACKAGES = ("sympy", "sklearn", "sqlalchemy", "torch")
SUBJECTS = ("python", *PACKAGES)


def paragraphs(subject: str) -> list[str]:
    """In a drawn order, the same every time with the same versions installed."""
    shortest = SHORTEST_OF.get(subject, SHORTEST)
    found = [one for document in _documents(subject) for one in _prose(document, shortest)]
    kept = list(_without_copies(found))
    random.Random(subject).shuffle(kept)
    return kept[:MOST]


def _documents(subject: str) -> Iterator[str]:
    if subject == "python":
        from pydoc_data.topics import topics

        yield from (pydoc.plain(text) for text in topics.values())
        folder = Path(sysconfig.get_path("stdlib"))
    else:
        spec = importlib.util.find_spec(subject)
        assert spec, f"{subject} is not installed"
        folder = Path(str(spec.origin)).parent
    for path in sorted(folder.rglob("*.py")):
        if not LEFT_OUT & set(path.relative_to(folder).parts):
            yield from _docstrings(path)


def _docstrings(path: Path) -> Iterator[str]:
    """Read from the source: nothing is imported."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="ignore"))
    except SyntaxError:  # a template, or what tests a parser
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _prose(document: str, shortest: int) -> Iterator[str]:
    """Its paragraphs without examples and tables, short ones joined with the next."""
    joined = ""
    for paragraph in re.split(r"\n\s*\n", document):
        words = " ".join(paragraph.split())
        letters = sum(one.isalpha() or one == " " for one in words)
        if ">>>" in words or len(words) < 40 or letters < 0.8 * len(words):
            continue
        joined = f"{joined} {words}".strip()
        if len(joined) >= shortest:
            yield joined if len(joined) <= LONGEST else joined[:LONGEST].rsplit(" ", 1)[0]
            joined = ""


def _without_copies(found: Iterable[str]) -> Iterator[str]:
    seen = set[tuple[str, ...]]()
    for text in found:
        words = text.lower().split()
        runs = {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
        if runs and 2 * len(runs & seen) <= len(runs):
            yield text
        seen |= runs
