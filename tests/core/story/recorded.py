"""Figures as a story leaves them, made up: what the page does with them is tested, not where they come from."""

from dataclasses import replace
from typing import Any

from mainspring.story.figures import Alarm, Answers, Chapter, Evidence, Figures, Moment, Round


def measured(name: str, before: float, after: float) -> dict[str, Any]:
    def around(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.04, "high": value + 0.04}

    return {
        "name": name,
        "unit": "nats per token",
        "better": "higher",
        "challenger": around(after),
        "champion": around(before),
        "difference": around(after - before),
        "items": 120,
        "clusters": 40,
        "details": {},
    }


def round_(**more: Any) -> Round:
    made = Round(
        name="sympy, by itself",
        asked=("data drift since 2026-11-30",),
        state="released",
        reason="manual@2 is in production",
        version="manual@2",
        decision="accept",
        reasons=("Accepted: all that is asked of it holds.",),
        would_change=("With likelihood.old 0.2 lower it would have been rejected.",),
        traded=({"group": "quality", "gained": ["likelihood.new +2.2"], "lost": [], "balance": 4.0},),
        measured=(measured("likelihood.new", -6.46, -4.25), measured("likelihood.old", -5.06, -5.09)),
        rows={"train": 900, "held_out": 100},
        card={
            "origins": {"traffic": 90, "crawl": 700, "replay": 210},
            "licences": {"BSD-3-Clause": 700},
            "steps": {"quality": {"in": 1100, "out": 1000, "removed": {"mostly symbols": 100}, "changed": 0}},
        },
    )
    return replace(made, **more)


def figures(**more: Any) -> Figures:
    made = Figures(
        machine="2 cores",
        began_at="2026-11-30T05:00:00+00:00",
        subjects=("Python", "sympy"),
        chapters=(Chapter("A model is made", 0, 90), Chapter("It winds itself", 90, 260.5)),
        moments=(Moment(12.0, 1, "142 texts & more <of> it"),),
        evidence=tuple(Evidence(at, at / 20, 4.6, "static") for at in range(0, 140, 20)),
        shift=60,
        alarm=Alarm(17, 77, 4.0, "static", 5.2, 4.6, 0.93, ("eigenvalue", "polynomial")),
        better=round_(),
        poisoned=round_(state="refused", decision="reject", version="manual@3", reasons=("Rejected.",)),
        answers=Answers(412, 0, 1.25, {"manual@1": 300, "manual@2": 112}, {"Python": 160, "sympy": 252}),
        stages={"manual@1": "retired", "manual@2": "production", "manual@3": "rejected"},
        audit={"whole": True, "events": 57, "head": "ab" * 32, "findings": []},
    )
    return replace(made, **more)
