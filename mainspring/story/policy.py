"""The policy of the story's deployment: all that happens by itself happens because it says so. Pure."""

from typing import Any

from mainspring.story.scale import Scale, Training

DEPLOYMENT = "manual"
CONSENT = "consent"


def policy(scale: Scale) -> dict[str, Any]:
    """Watched, refreshed from its traffic and a library, judged, released step by step, drained."""
    return {
        "drift": {"reference": scale.reference, "minimum": scale.minimum},
        "refresh": _refresh(
            {
                "traffic": {"basis": CONSENT},
                "library": {"docstrings": list(scale.new.modules), "nearest": scale.nearest},
            },
            scale.again,
        ),
        "evaluation": {"timed": 0, "perturbed": 0},
        "gate": _gate(scale),
        "rollout": {
            "shadow": {"share": 1.0, "samples": 30, "replay": 30},
            "steps": [0.25],
            "dwell_seconds": 3,
            "samples": 10,
        },
        "drain": {"idle_seconds": 0, "keep_seconds": 0},
    }


def poisoned(scale: Scale, folder: str) -> dict[str, Any]:
    """The same, but that it learns from a folder that somebody gave, and from nothing else."""
    upload = {"path": folder, "basis": "a folder that somebody gave"}
    return policy(scale) | {"refresh": _refresh({"uploads": [upload]}, scale.poison, replay=0.0)}


def _refresh(curate: dict[str, Any], training: Training, replay: float = 1.0) -> dict[str, Any]:
    return {"curate": curate, "replay": replay, "parameters": training.parameters()}


def _gate(scale: Scale) -> dict[str, Any]:
    return {
        "metrics": {
            "likelihood.new": {"role": "must_rise", "at_least": max(0.0, scale.demands.gained / 3)},
            "likelihood.old": {"role": "must_not_fall", "tolerance": scale.demands.lost},
        },
        "when_unsure": "reject",
        "fewest_items": scale.fewest,
        "fewest_clusters": min(10, scale.fewest),
    }
