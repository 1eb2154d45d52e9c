"""A judge is a deployment: its champion is asked by way of trials, which infer workers answer beside everything else.

What it is asked and what it says is deleted once it is heard.
"""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from mainspring.evaluation.plan import JudgePlan
from mainspring.registry import champion_of
from mainspring.tables import Database, Prompt, PromptSet, Trial, TrialState
from mainspring.trials import asking, prompts
from mainspring.trials.prompts import Given
from workers.gpu.evaluating.prompted import said

PATIENCE = 900.0  # seconds without an answer, after which what is left counts as not answered
LOOK = 0.5
ANSWER = {"temperature": 0.0, "max_tokens": 64}
Wait = Callable[[], None]


class Court:
    """`name`: of this evaluation's questions. `wait` is called between two looks, and raises when the work has to stop."""

    def __init__(self, database: Database, plan: JudgePlan, name: str, wait: Wait) -> None:
        self._database, self._plan, self._name, self._wait = database, plan, name, wait

    def sits(self) -> bool:
        """Whether there is a version to ask."""
        with self._database.transaction() as session:
            return champion_of(session, self._plan.deployment) is not None

    def ask(self, questions: Sequence[str]) -> Sequence[str | None]:
        """What was said of each; None: nothing came. Asked again after a kill, what was answered is not asked twice."""
        given = [Given(one, dict(ANSWER)) for one in questions]
        with self._database.transaction() as session:
            judge = champion_of(session, self._plan.deployment)
            if judge is None:
                return [None] * len(questions)
            asked, _ = prompts.keep(session, self._plan.deployment, self._name, given)
            asking.prompts(session, judge, asked)
            set_id, judge_id = asked.id, judge.id
        self._until_heard(set_id, judge_id)
        return self._heard(set_id, judge_id, len(questions))

    def _until_heard(self, asked: UUID, judge: UUID) -> None:
        left, since = -1, time.monotonic()
        while left != 0 and time.monotonic() < since + PATIENCE:
            now = self._left(asked, judge)
            if now != left:
                left, since = now, time.monotonic()
            if left:
                self._wait()
                time.sleep(LOOK)

    def _left(self, asked: UUID, judge: UUID) -> int:
        open_ones = Trial.state.in_([TrialState.WAITING.value, TrialState.RUNNING.value])
        with self._database.transaction() as session:
            return session.scalars(
                select(func.count())
                .select_from(Trial)
                .join(Prompt, Prompt.id == Trial.prompt_id)
                .where(Prompt.set_id == asked, Trial.version_id == judge, open_ones)
            ).one()

    def _heard(self, asked: UUID, judge: UUID, many: int) -> list[str | None]:
        heard: list[str | None] = [None] * many
        with self._database.transaction() as session:
            found = session.execute(
                select(Prompt.position, Trial.output)
                .join(Trial, Trial.prompt_id == Prompt.id)
                .where(
                    Prompt.set_id == asked, Trial.version_id == judge, Trial.state == TrialState.DONE.value
                )
            )
            for position, output in found:
                heard[position] = said(output)
            session.execute(delete(PromptSet).where(PromptSet.id == asked))
        return heard
