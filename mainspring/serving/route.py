"""Which version answers a job: chosen when it is accepted, stored with the answer. Pure; reads rows it is given.

Shadow and canary weights come with rollouts; today a deployment's traffic goes to its champion.
"""

from collections.abc import Sequence

from mainspring.errors import NotReady
from mainspring.tables import Stage, Version


def choose(deployment: str, live: Sequence[Version]) -> Version:
    """The champion among a deployment's live versions. Raises NotReady when there is none."""
    for version in live:
        if version.stage == Stage.PRODUCTION:
            return version
    raise NotReady(
        f"`{deployment}` has no version in production yet",
        field="deployment",
        remedy=f"Wait until its first version is made: GET /v1/deployments/{deployment} shows how far it is.",
    )
