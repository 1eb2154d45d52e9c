"""Which versions there shall be, and which of them answers. Pure: reads what the server said.

A model without weights is the one that shall answer, or be on its way there by an open rollout. With weights it is
registered, and they say who answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mainspring.declaring.difference import Change
from mainspring.declaring.reading import Wanted
from mainspring.errors import BadDeclaration
from mainspring.release.plan import plan_of

_HAS_ANSWERED = ("draining", "retired")
_UNTIL_SOMEBODY_DECIDES = {"samples": 1_000_000, "dwell_seconds": 0}


@dataclass(frozen=True)
class Now:
    """Who answers: `production`, None if nobody does, and the open `rollout`, by the `policy` that is to be.

    `versions`: as the server lists them.
    """

    versions: Sequence[Mapping[str, Any]] = ()
    production: str | None = None
    rollout: Mapping[str, Any] | None = None
    policy: Mapping[str, Any] | None = None

    @property
    def challenger(self) -> str | None:
        return None if self.rollout is None else str(self.rollout["challenger"])

    def after(self, name: str, made: Change) -> "Now":
        """Once that version will have been registered: the first answers at once."""
        if made.version is None or any(_label(name, one) == made.version for one in self.versions):
            return self
        number = int(made.version.rpartition("@")[2])
        one_more = {"number": number, "stage": "registered", "digest": None, "source": {}}
        production = self.production or made.version
        return replace(self, versions=[*self.versions, one_more], production=production)


def registered(name: str, wanted: Wanted, now: Now, digest: str | None) -> Change | None:
    """`digest`: of a folder's files; None for a hub id, and for an adapter whose base is yet to be made.

    Raises BadDeclaration for a model that was rejected, and for a new one while a rollout is open.
    """
    if wanted.model is None:
        return None
    known = _known(name, wanted, now, digest)
    label = f"{name}@{max((one['number'] for one in now.versions), default=0) + 1}"
    again = ""
    if known is not None:
        label = _label(name, known)
        if known["stage"] == "rejected" and wanted.weights is None:
            raise BadDeclaration(
                f"{label} of these bytes was rejected: {_why_rejected(known)}",
                remedy=f"Declare another model; or, to try this one again, register it by hand: {_by_hand(name, wanted)}.",
            )
        if known["stage"] == "rejected" or known.get("deleted_at") is None:
            return None
        again = " again, since its files are no longer kept,"
    if wanted.weights is None:
        _refuse_a_second(name, now)
    said = {"model": wanted.model, "revision": wanted.revision, "base": wanted.base}
    over = "" if wanted.base is None else f", an adapter of {wanted.base}"
    body = {key: value for key, value in said.items() if value is not None}
    return Change("register", f"{label} is registered{again} from {wanted.model}{over}", body, label)


def answering(name: str, wanted: Wanted, now: Now, digest: str | None) -> Change | None:
    """Of a model without weights that is known. Raises BadDeclaration while another rollout is open."""
    known = None if wanted.weights is not None else _known(name, wanted, now, digest)
    if known is None:
        return None
    label = _label(name, known)
    if label in (now.production, now.challenger):
        return None
    _refuse_a_second(name, now)
    verb = "takes_over"
    if now.production is None:
        said = f"{label} answers for {name}"
    elif known["stage"] in _HAS_ANSWERED:
        said = f"{label} takes over from {now.production}, at once, since it has been in production"
    elif (plan := plan_of(dict(now.policy or {}))) is not None and plan.steps:
        verb, said = (
            "rolls_out",
            f"{label} begins to take over from {now.production}, as the policy's rollout says",
        )
    else:
        said = f"{label} takes over from {now.production}"
    return Change(verb, said, {"version": label}, label)


def weighted(name: str, wanted: Wanted, now: Now) -> Change | None:
    """Raises BadDeclaration where shares cannot become so."""
    if wanted.weights is None:
        return None
    shares = {label: share for label, share in wanted.weights.items() if share > 0}
    others = {label: share for label, share in shares.items() if label != now.production}
    if now.production is None or len(others) == len(shares) == 2:
        raise _not_so(name, f"neither is in production: {now.production or 'nothing'} is")
    if not others:
        if now.challenger is None:
            return None
        raise _not_so(name, f"the rollout of {now.challenger} is open: roll it back or abort it first")
    [(label, share)] = others.items()
    if now.challenger not in (None, label):
        _refuse_a_second(name, now)
    return _shared(name, now, label, share)


def bystander(name: str, wanted: Wanted, now: Now, digest: str | None) -> str | None:
    """In words, a rollout that the file does not speak of, by which its model may soon answer no more."""
    known = None if wanted.weights is not None else _known(name, wanted, now, digest)
    if known is None or now.challenger in (None, _label(name, known)):
        return None
    return f"The rollout of {now.challenger}, of another model, is open: mainspring abort {name} ends it."


def _shared(name: str, now: Now, label: str, share: float) -> Change | None:
    steps = None if now.rollout is None else list(now.rollout["plan"]["steps"])
    if steps == [share]:
        return None
    version = next((one for one in now.versions if _label(name, one) == label), None)
    if version is None:
        raise _not_so(name, f"there is no version {label}")
    if version["stage"] == "rejected":
        raise _not_so(
            name, f"{label} was rejected and can have no share of new work: {_why_rejected(version)}"
        )
    if share == 1:
        at_once = {"version": label, "plan": {"steps": []}}
        return Change("takes_over", f"{label} takes over from {now.production}", at_once, label)
    if version["stage"] in _HAS_ANSWERED:
        raise _not_so(name, f"{label} has been in production: it takes over whole, or not at all")
    # What the policy's rollout says besides, such as its prompts and its shadow, holds for this one too.
    plan = dict((now.policy or {}).get("rollout") or {}) | {"steps": [share]} | _UNTIL_SOMEBODY_DECIDES
    said = f"{label} has {share:.0%} of {name}'s new work, {now.production} the rest"
    if steps is not None:
        return Change("reshares", f"{said}, instead of going by {steps}", {"plan": plan}, label)
    return Change("shares", said, {"version": label, "plan": plan}, label)


def _known(name: str, wanted: Wanted, now: Now, digest: str | None) -> Mapping[str, Any] | None:
    """The version of that model: who answers or is about to; else the newest that can; else the newest that was rejected."""
    found = [version for version in now.versions if _is(wanted, version, digest)]

    def rank(version: Mapping[str, Any]) -> tuple[bool, bool, int]:
        serves = _label(name, version) in (now.production, now.challenger)
        return serves, version["stage"] != "rejected", version["number"]

    return max(found, key=rank, default=None)


def _is(wanted: Wanted, version: Mapping[str, Any], digest: str | None) -> bool:
    if digest is not None:
        return bool(version["digest"] == digest)
    names = ("hub", "revision", "base")
    return tuple(map(version["source"].get, names)) == (wanted.model, wanted.revision, wanted.base)


def _label(name: str, version: Mapping[str, Any]) -> str:
    return f"{name}@{version['number']}"


def _by_hand(name: str, wanted: Wanted) -> str:
    more = {"task": wanted.task.value, "revision": wanted.revision, "base": wanted.base}
    said = "".join(f" --{option} {value}" for option, value in more.items() if value is not None)
    return f"mainspring deploy {name} --model {wanted.model}{said}"


def _why_rejected(version: Mapping[str, Any]) -> str:
    return version.get("reason") or "nobody said why"


def _refuse_a_second(name: str, now: Now) -> None:
    if now.rollout is not None:
        raise BadDeclaration(
            f"the rollout of {now.challenger} is open, and one at a time is",
            remedy=f"Promote it, roll it back or abort it first: mainspring rollouts {name} shows how far it is.",
        )


def _not_so(name: str, what: str) -> BadDeclaration:
    return BadDeclaration(what, remedy=f"See mainspring rollouts {name}, and versions {name}.")
