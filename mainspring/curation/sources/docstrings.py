"""The docstrings of installed modules: as texts, or, each label having its own modules, as labelled passages."""

import re
from collections.abc import Iterator

from mainspring.curation.documents import placed_docstrings, sections
from mainspring.curation.found import Found
from mainspring.curation.rows import Kind, Origin, Row

PASSAGE = 400  # characters of a docstring that make a labelled example
SHORTEST = 60
_MARKUP = re.compile(r"^\s*(>>>|\.\.\.|\.\. |[=\-~*^#]{3,}).*$", re.MULTILINE)


def texts(modules: list[str], licence: str | None = None, field: str = "docstrings") -> Iterator[Found]:
    """Raises DatasetRefused when one is not installed."""
    for module in modules:
        known = licence or licence_of(module)
        for source, text in placed_docstrings(module, field):
            for document in sections(text):
                yield Row(
                    Kind.TEXT,
                    Origin.CRAWL,
                    source,
                    source,
                    text=document.text,
                    heading=document.heading,
                    basis="licence",
                    licence=known,
                )


def labelled(by_label: dict[str, list[str]]) -> Iterator[Found]:
    """Prose of about a paragraph, without markup and without the packages' own names, which would give it away."""
    for label in sorted(by_label):
        modules = by_label[label]
        names = re.compile("|".join(re.escape(name.partition(".")[0]) for name in modules), re.IGNORECASE)
        for module in modules:
            licence = licence_of(module)
            for source, text in placed_docstrings(module, "curate.docstrings"):
                for passage in _passages(names.sub("", text)):
                    yield Row(
                        Kind.LABELLED,
                        Origin.CRAWL,
                        source,
                        source,
                        text=passage,
                        label=label,
                        basis="licence",
                        licence=licence,
                    )


def _passages(text: str) -> Iterator[str]:
    for document in sections(text):
        passage = ""
        for paragraph in _MARKUP.sub("", document.text).split("\n\n"):
            passage = f"{passage} {' '.join(paragraph.split())}".strip()
            if len(passage) >= PASSAGE // 2:
                yield passage[:PASSAGE]
                passage = ""
        if len(passage) >= SHORTEST:
            yield passage


def licence_of(module: str) -> str | None:
    """As the package's own metadata names it; None: it does not say, as the standard library's."""
    from importlib.metadata import PackageNotFoundError, metadata, packages_distributions

    top = module.partition(".")[0]
    for name in packages_distributions().get(top, [top]):
        try:
            said = metadata(name)
        except PackageNotFoundError:
            continue
        for field in ("License-Expression", "License"):
            if field in said and said[field].strip():
                return said[field].strip().partition("\n")[0][:200]
        for words in said.get_all("Classifier") or ():
            if words.startswith("License ::"):
                return str(words.rpartition(" :: ")[2])
    return None
