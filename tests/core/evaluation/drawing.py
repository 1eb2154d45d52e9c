"""Plans and results of any shape, for what has to hold of all of them."""

from hypothesis import strategies as st

from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.evaluation.results import Estimate, Measured, Results

NAMES = ("likelihood.new", "likelihood.old", "accuracy.old", "latency", "golden", "safety.refusals")
FIGURES = st.floats(-10, 10).map(lambda one: round(one, 3))


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    value, below, above = draw(FIGURES), draw(st.floats(0, 2)), draw(st.floats(0, 2))
    return draw(st.sampled_from([Estimate(value), Estimate(value, value - below, value + above)]))


@st.composite
def measured(draw: st.DrawFn, name: str) -> Measured:
    """With a champion or without, enough items or too few, broken ones or none."""
    champion = draw(st.none() | estimates())
    details = draw(st.sampled_from([{}, {}, {}, {"whole": True}, {"broken": 3}]))
    return Measured(
        name=name,
        unit="seconds" if name == "latency" else "nats per token",
        better="lower" if name == "latency" else "higher",
        challenger=draw(st.none() | estimates()),
        champion=champion,
        difference=None if champion is None else draw(st.none() | estimates()),
        items=draw(st.sampled_from([3, 40, 900])),
        clusters=draw(st.sampled_from([3, 40])),
        details=details,
    )


@st.composite
def results(draw: st.DrawFn) -> Results:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return Results(0.95, tuple(draw(measured(name)) for name in names), ("harness: no such file",))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    role = draw(st.sampled_from(["must_not_fall", "must_rise", "informs"]))
    much = draw(st.sampled_from([0.0, 0.1, 0.5, "20%", "0.5%"]))
    return Rule.model_validate(
        {
            "role": role,
            **(
                {"tolerance": much}
                if role == "must_not_fall"
                else {"at_least": much}
                if role == "must_rise"
                else {}
            ),
            "limit": None if role == "informs" else draw(st.none() | FIGURES),
            "weight": draw(st.none() | st.sampled_from([0.0, 1.0, 3.0])),
            "when_missing": draw(st.sampled_from([None, "ask", "reject", "ignore"])),
        }
    )


@st.composite
def plans(draw: st.DrawFn) -> GatePlan:
    names = draw(st.lists(st.sampled_from([*NAMES, "likelihood.*", "*"]), unique=True, min_size=1))
    return GatePlan(
        metrics={name: draw(rules()) for name in names},
        when_unsure=draw(st.sampled_from(["ask", "reject"])),
        when_missing=draw(st.sampled_from(["ask", "reject"])),
        when_outweighed=draw(st.sampled_from(["informs", "ask", "reject"])),
        when_alone=draw(st.sampled_from(["accept", "ask", "reject"])),
    )
