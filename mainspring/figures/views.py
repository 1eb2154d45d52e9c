"""The figures of a deployment's versions over a span of time, as people and programs are told them."""

from collections.abc import Mapping

from typing_extensions import TypedDict

from mainspring.figures.estimates import Bounds, Estimate, of_mean, of_share
from mainspring.figures.gathered import Gathered
from mainspring.figures.histogram import quantiles
from mainspring.figures.moments import Moments
from mainspring.tables import FeedbackKind, JobState

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_RATINGS = Bounds(-1, 1)
_OUTCOME = f"{FeedbackKind.OUTCOME.value}:"
_NOTHING = Moments(0)


class Tokens(TypedDict):
    prompt: int
    completion: int


class Latency(TypedDict):
    """Seconds from acceptance until an answer was begun, to its first token and to its end, of those that succeeded.

    `p50`, `p90`, `p95`, `p99`; right to 2%. Null: nothing was timed.
    """

    queue: dict[str, Estimate] | None
    first_token: dict[str, Estimate] | None
    total: dict[str, Estimate] | None


class Engagement(TypedDict):
    """`sessions` began; `turns` are the jobs of these and of older ones. `again`: share of the later turns that asked the
    same once more, word for word. `left`: share of all requests whose reader went before the answer's end, and did not come
    back. `abandoned`: these, and those that were cancelled.
    """

    sessions: int
    turns: int
    turns_per_session: float | None
    again: Estimate | None
    left: Estimate | None
    abandoned: Estimate | None


class FiguresView(TypedDict):
    """`tokens_per_second`: of one answer. `log_probability`: nats a token, or of the label or span that was chosen.

    `accuracy`: share of the labels that were answered, of those that came. `satisfaction`: the mean rating, from -1 to 1.
    `corrected`: share of the answers. `outcomes`: the mean of each, by name.
    """

    requests: int
    states: dict[str, int]
    failed: Estimate | None
    finish_reasons: dict[str, int]
    languages: dict[str, int]
    tokens: Tokens
    latency: Latency
    tokens_per_second: Estimate | None
    log_probability: Estimate | None
    accuracy: Estimate | None
    satisfaction: Estimate | None
    corrected: Estimate | None
    outcomes: dict[str, Estimate]
    engagement: Engagement


def figures_view(of: Gathered) -> FiguresView:
    requests, states = of.counts.get("requests", 0), dict(of.tallies.get("state", {}))
    failed = states.get(JobState.FAILED, 0) + states.get(JobState.EXPIRED, 0)
    corrections = of.said.get(FeedbackKind.CORRECTION, _NOTHING).count
    answered = max(states.get(JobState.SUCCEEDED, 0), corrections)
    return {
        "requests": requests,
        "states": states,
        "failed": of_share(failed, requests),
        "finish_reasons": dict(of.tallies.get("finish_reason", {})),
        "languages": dict(of.tallies.get("language", {})),
        "tokens": {
            "prompt": of.counts.get("prompt_tokens", 0),
            "completion": of.counts.get("completion_tokens", 0),
        },
        "latency": _latency(of.tallies),
        "tokens_per_second": of_mean(of.means.get("tokens_per_second", _NOTHING)),
        "log_probability": of_mean(of.means.get("log_probability", _NOTHING)),
        "accuracy": of_mean(of.said.get(FeedbackKind.LABEL, _NOTHING), Bounds(0, 1)),
        "satisfaction": of_mean(of.said.get(FeedbackKind.RATING, _NOTHING), _RATINGS),
        "corrected": of_share(corrections, answered),
        "outcomes": _outcomes(of.said),
        "engagement": _engagement(of.counts, states),
    }


def _latency(tallies: Mapping[str, Mapping[str, int]]) -> Latency:
    return {
        "queue": _percentiles(tallies.get("queue", {})),
        "first_token": _percentiles(tallies.get("first_token", {})),
        "total": _percentiles(tallies.get("total", {})),
    }


def _percentiles(counts: Mapping[str, int]) -> dict[str, Estimate] | None:
    return quantiles(counts, PERCENTILES) or None


def _outcomes(said: Mapping[str, Moments]) -> dict[str, Estimate]:
    found = {
        name.removeprefix(_OUTCOME): of_mean(one)
        for name, one in sorted(said.items())
        if name.startswith(_OUTCOME)
    }
    return {name: one for name, one in found.items() if one is not None}


def _engagement(counts: Mapping[str, int], states: Mapping[str, int]) -> Engagement:
    sessions, turns = counts.get("sessions", 0), counts.get("turns", 0)
    requests, left = counts.get("requests", 0), counts.get("unread", 0)
    return {
        "sessions": sessions,
        "turns": turns,
        "turns_per_session": round(turns / sessions, 3) if sessions else None,
        "again": of_share(counts.get("again", 0), turns - sessions),
        "left": of_share(left, requests),
        "abandoned": of_share(states.get(JobState.CANCELLED, 0) + left, requests),
    }
