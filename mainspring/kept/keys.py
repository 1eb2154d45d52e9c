"""The keys that kept text is locked with: Fernet, that is AES-128-CBC with HMAC-SHA-256 (github.com/fernet/spec).

A row names its key by the beginning of the key's SHA-256, which says nothing of 256 random bits: so it is known which rows
need a key that is not here, without trying.
"""

import hashlib
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from cryptography.fernet import Fernet, InvalidToken

from mainspring.errors import InvalidRequest, StackError, TextLocked
from mainspring.kept.plan import text_plan
from mainspring.logs import log
from mainspring.settings import Settings

NO_KEY = "Set MAINSPRING_TEXT_KEYS, of api and workers alike, to what `mainspring texts --new-key` prints."
_GONE = "Put the key that it was kept under behind the newest in MAINSPRING_TEXT_KEYS; without it nobody can read it."


class Locked(NamedTuple):
    """`key`: the name of the key that opens `content`."""

    key: str
    content: bytes


class Keys:
    """The newest first: it locks; each opens what it has locked. None at all: nothing can be kept."""

    def __init__(self, given: list[str]) -> None:
        """Raises ValueError for what is no key."""
        self._fernets = {_name(key): Fernet(key) for key in given}

    @property
    def names(self) -> list[str]:
        return list(self._fernets)

    def __bool__(self) -> bool:
        return bool(self._fernets)

    def lock(self, job: UUID, said: dict[str, Any]) -> Locked:
        """With the job's id inside, so that no content can be passed off as another job's."""
        name, fernet = next(iter(self._fernets.items()))
        return Locked(name, fernet.encrypt(orjson.dumps({"job": str(job), **said})))

    def open(self, job: UUID, locked: Locked) -> dict[str, Any]:
        """Raises TextLocked."""
        if locked.key not in self._fernets:
            raise TextLocked(
                f"this was kept under the key {locked.key}, which is not here any more", remedy=_GONE
            )
        try:
            said: dict[str, Any] = orjson.loads(self._fernets[locked.key].decrypt(locked.content))
        except InvalidToken:
            raise TextLocked("what was kept has been changed, and cannot be opened") from None
        if said.pop("job") != str(job):
            raise TextLocked("what was kept here is another job's")
        return said


def keys(settings: Settings) -> Keys:
    """Raises StackError."""
    try:
        return Keys([key.strip() for key in settings.text_keys.split(",") if key.strip()])
    except ValueError:
        raise StackError("MAINSPRING_TEXT_KEYS has something in it that is no key", remedy=NO_KEY) from None


def keys_at_hand(settings: Settings) -> Keys:
    """None where they cannot be used, which is said: everything else goes on without."""
    try:
        return keys(settings)
    except StackError as error:
        log.error("texts.no_keys", detail=error.detail, remedy=error.remedy)
        return Keys([])


def require_keys(settings: Settings, policy: dict[str, Any]) -> None:
    """Raises InvalidRequest for a policy that keeps text where no key is set."""
    if text_plan(policy) is None:
        return
    try:
        found, trouble = keys(settings), "this installation has no key to keep text under"
    except StackError as error:
        found, trouble = Keys([]), error.detail
    if not found:
        raise InvalidRequest(trouble, field="policy.texts", remedy=f"{NO_KEY} Or leave `texts` out.")


def new_key() -> str:
    return Fernet.generate_key().decode()


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]
