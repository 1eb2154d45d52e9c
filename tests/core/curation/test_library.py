"""What is asked chooses which documents are learned from."""

from datetime import timedelta
from pathlib import Path

import pytest

from mainspring.curation.rows import Kind, Origin
from mainspring.errors import DatasetRefused
from mainspring.tables import Database
from mainspring.terms import Task
from tests.core.curation.gathered import NOW, Curating, rows

ABOUT = {
    "tides": "The moon pulls the water of the sea, and so tides rise and fall twice a day",
    "volcanoes": "Lava and ash break out of a volcano when magma rises below its crater",
    "violins": "A violin has four strings and a bow whose hair is drawn over them",
}


@pytest.fixture
def library(tmp_path: Path) -> str:
    folder = tmp_path / "library"
    folder.mkdir()
    for number in range(36):
        subject = list(ABOUT)[number % 3]
        # A page has words of its own, so that it is no copy of the others of its subject.
        own = " ".join(f"{subject[:3]}{number * place}" for place in range(12))
        (folder / f"{subject}-{number}.txt").write_text(f"{ABOUT[subject]}. {own}.")
    return str(folder)


def test_the_documents_nearest_to_what_is_asked_since_then(curating: Curating, library: str) -> None:
    for _ in range(5):
        curating.job("how many strings has a violin, and its bow?", days=9)
        curating.job(
            "why does lava come out of the crater of a volcano?", days=1, metadata={"training_consent": "no"}
        )
    curating.job("tell me of the sea and the moon", days=1, metadata={"training_consent": "false"})
    since = (NOW - timedelta(days=2)).isoformat()
    made = curating.curate("since", library={"folder": library, "nearest": 10, "licence": "CC0"}, since=since)
    found = rows(made)
    assert len(found) == 10
    assert all(row.source.startswith("volcanoes") for row in found)
    assert {(row.origin, row.licence) for row in found} == {(Origin.CRAWL, "CC0")}
    both = rows(curating.curate("both", library={"folder": library, "nearest": 20}))
    assert {row.source.partition("-")[0] for row in both} == {"volcanoes", "violins"}


def test_without_traffic_there_is_nothing_to_be_near_to(curating: Curating, library: str) -> None:
    with pytest.raises(DatasetRefused) as refused:
        curating.curate(library={"folder": library})
    assert refused.value.counts["found"] == 0


def test_docstrings_with_the_licence_of_their_package(curating: Curating) -> None:
    made = curating.curate("texts", docstrings=["cronsim"])
    assert made.card["licences"] == {"BSD License": sum(made.rows.values())}
    with pytest.raises(DatasetRefused) as refused:
        curating.curate("none", docstrings=["no_such_module_here"])
    assert refused.value.field == "curate.docstrings"


def test_docstrings_of_labels_are_passages_without_the_packages_names(
    database: Database, tmp_path: Path
) -> None:
    curating = Curating(database, tmp_path, Task.TEXT_CLASSIFICATION)
    made = curating.curate(docstrings={"clocks": ["cronsim"], "doors": ["standardwebhooks", "httpcore"]})
    found = rows(made)
    assert {row.kind for row in found} == {Kind.LABELLED}
    assert {row.label for row in found} == {"clocks", "doors"}
    assert all(len(row.text) <= 400 and "cronsim" not in row.text.lower() for row in found)
