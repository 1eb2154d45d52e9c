"""Whence a version comes, in words."""

from typing import Any

import pytest

from mainspring.release.lineage import in_words, lineage
from mainspring.tables import Version

TRAINED = {"recipe": "continued-pretraining", "run": "0190", "base": "/store/abc"}


@pytest.mark.parametrize(
    ("source", "origin", "maker"),
    [
        ({}, "-", "-"),
        ({"recipe": "import", "run": "0190", "folder": "/m"}, "/m", "import, training run 0190"),
        ({"hub": "a/b", "revision": None, "commit": "0123456789abcdef"}, "a/b at 0123456789ab", "-"),
        (
            {"folder": "/adapter", "base": "chat@1", "base_digest": "ab"},
            "/adapter, an adapter of chat@1",
            "-",
        ),
        (TRAINED, "/store/abc", "continued-pretraining, training run 0190"),
        (TRAINED | {"parent": "chat@1"}, "chat@1", "continued-pretraining, training run 0190"),
    ],
)
def test_in_words(source: dict[str, Any], origin: str, maker: str) -> None:
    found = lineage(Version(source=source)) | {"source": source}
    said = in_words(found)
    assert (said["made from"], said["made by"]) == (origin, maker)
    assert (said["dataset"], said["tokenizer"]) == ("-", "-")


def test_of_many_labels_in_words() -> None:
    origin = {"docstrings": {"language": ["pydoc"], "mathematics": ["sympy", "math"]}}
    found = {"source": {}, "parent": None, "tokenizer": None}
    found |= {"dataset": {"digest": "d" * 64, "examples": 2, "origin": origin}}
    expected = "2 examples of docstrings language (pydoc), mathematics (sympy, math), dddddddddddd"
    assert in_words(found)["dataset"] == expected
