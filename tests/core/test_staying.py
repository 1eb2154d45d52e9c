"""Whatever happens to versions, a conversation stays on its own while that answers, and is told when it cannot."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring import registry
from mainspring.access import Caller
from mainspring.registry import champion_of
from mainspring.release import rollout as verbs
from mainspring.release.back import before, go_back
from mainspring.release.draining import retire_drained
from mainspring.release.leaving import retire_version
from mainspring.release.plan import RolloutPlan
from mainspring.release.rollout import current
from mainspring.release.strays import take_in_strays
from mainspring.serving import claim, conversation
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Submission
from mainspring.tables import Database, Deployment, Stage, Version
from tests.rows import caller, registered

WHO = {"actor": "test", "reason": "a test"}
PLAN = RolloutPlan(steps=(0.3, 0.7), dwell_seconds=0, samples=0)
SILENT = {"drain": {"keep_seconds": 0, "idle_seconds": 0}}
LATE = {"drain": {"keep_seconds": 0, "deadline_seconds": 0}}
TALKS = st.sampled_from(["a", "b", "c", "d"])
ACTS = st.one_of(
    st.tuples(st.just("say"), TALKS, st.booleans()),
    st.tuples(st.just("say"), TALKS, st.booleans()),
    st.tuples(st.just("end"), TALKS),
    *(
        st.tuples(st.just(act))
        for act in ("begin", "step", "promote", "roll_back", "go_back", "retire", "silence", "deadline")
    ),
)
NUMBERS = count()


@dataclass
class Told:
    """What the client of a conversation knows: on which version it was, and which have been taken from it since."""

    version: str
    gone: set[str] = field(default_factory=set)


class World:
    """One deployment of its own, and conversations with it."""

    def __init__(self, database: Database) -> None:
        self.database, self.name = database, f"d{next(NUMBERS)}"
        self.talks: dict[str, Told] = {}
        with database.transaction() as session:
            self.caller: Caller = caller(session)
            session.add(Deployment(name=self.name, task="text-generation"))
            session.flush()
            registry.release(session, self.made(session), **WHO)

    def made(self, session: Session) -> Version:
        return registered(session, self.name, next(NUMBERS) + 1)

    def say(self, talk: str, cancel: bool) -> None:  # noqa: FBT001
        with self.database.begin() as connection:
            told = accept(connection, self.caller, Submission(self.name, "hello", session=talk))
            if cancel:  # so that nothing keeps its version
                claim.cancel(connection, self.caller.tenant_id, told.job_id)
        known = self.talks.setdefault(talk, Told(told.version))
        if told.version == known.version:
            assert told.moved_from is None
        else:
            assert known.version in known.gone, f"{talk} was taken from {known.version}, which answers"
            assert told.moved_from == known.version
        self.talks[talk] = Told(told.version)

    def end(self, talk: str) -> None:
        with self.database.begin() as connection:
            conversation.end(connection, self.caller.tenant_id, self.name, talk)
        self.talks.pop(talk, None)

    def gone(self, *versions: str) -> None:
        for talk in self.talks.values():
            talk.gone.update(versions)

    def begin(self, session: Session) -> None:
        if current(session, self.name) is None:
            verbs.begin(session, self.made(session), PLAN, **WHO)

    def step(self, session: Session) -> None:
        rollout = current(session, self.name)
        if rollout is not None:
            verbs.to_step(session, rollout, min(1, rollout.step + (rollout.share > 0)), **WHO)

    def promote(self, session: Session) -> None:
        rollout = current(session, self.name)
        if rollout is not None:
            verbs.promote(session, rollout, **WHO)

    def roll_back(self, session: Session) -> None:
        rollout = current(session, self.name)
        if rollout is not None:
            verbs.roll_back(session, rollout, **WHO)
            self.gone(session.get_one(Version, rollout.challenger_id).label)

    def go_back(self, session: Session) -> None:
        first = champion_of(session, self.name)
        assert first is not None
        if current(session, self.name) is not None or before(session, first) is not None:
            self.gone(go_back(session, self.name, **WHO).instead_of.label)

    def retire(self, session: Session) -> None:
        """The newest that drains, by hand."""
        draining = self.draining(session)
        if draining:
            retire_version(session, draining[-1], **WHO)
            self.gone(draining[-1].label)

    def silence(self, session: Session) -> None:
        self.look(session, SILENT)

    def deadline(self, session: Session) -> None:
        self.gone(*(one.label for one in self.draining(session)))
        self.look(session, LATE)

    def look(self, session: Session, policy: dict[str, Any]) -> None:
        """As beat does, with another policy for a moment."""
        deployment = session.get_one(Deployment, self.name)
        deployment.policy = policy
        session.flush()
        self.gone(*retire_drained(session))
        take_in_strays(session)
        deployment.policy = {}

    def draining(self, session: Session) -> list[Version]:
        mine = select(Version).where(Version.deployment == self.name, Version.stage == Stage.DRAINING.value)
        return list(session.scalars(mine.order_by(Version.number)))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(acts=st.lists(ACTS, min_size=5, max_size=30))
def test_a_conversation_stays_while_its_version_answers(
    database: Database, acts: list[tuple[Any, ...]]
) -> None:
    world = World(database)
    for act, *given_ in acts:
        if act in ("say", "end"):
            getattr(world, act)(*given_)
            continue
        with database.transaction() as session:
            getattr(world, act)(session)
    for talk in ("a", "b", "c", "d"):
        world.say(talk, cancel=True)
