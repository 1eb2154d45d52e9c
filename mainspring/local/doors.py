"""How the CLI reaches an api: that of this home, or the one that MAINSPRING_URL names."""

import httpx

from mainspring.client import Client
from mainspring.errors import InvalidRequest, Unreachable
from mainspring.local import own_key
from mainspring.local.services import address
from mainspring.settings import Settings


def client(settings: Settings | None = None) -> Client:
    """For the api that the settings name. Raises StackError when the home has no key yet, InvalidRequest."""
    settings = settings or Settings()
    return Client(where(settings), _key(settings))


def own(settings: Settings) -> Client:
    """For the stack of this home, whatever else the environment names. Raises StackError when it has no key yet."""
    return Client(address(settings), own_key.read(settings))


def where(settings: Settings) -> str:
    """The address that is asked. Raises InvalidRequest for one that is none."""
    if not settings.url:
        return address(settings)
    try:
        named = httpx.URL(settings.url)
    except httpx.InvalidURL:
        named = httpx.URL()
    if named.scheme not in ("http", "https") or not named.host:
        raise InvalidRequest(
            "this is not the address of an api",
            field="MAINSPRING_URL",
            remedy="Set it to such as http://localhost:8000.",
        )
    return settings.url


def unreachable(settings: Settings, cause: Exception) -> Unreachable:
    """What to say when the api that the settings name did not answer."""
    remedy = (
        "Check MAINSPRING_URL, and that the api runs there."
        if settings.url
        else "Start it: mainspring up. To ask another one, set MAINSPRING_URL and MAINSPRING_API_KEY."
    )
    return Unreachable(
        f"the api at {where(settings)} does not answer ({type(cause).__name__})", remedy=remedy
    )


def _key(settings: Settings) -> str:
    """The one that is set, or the home's, which goes to no other api."""
    key = settings.api_key.strip()
    if not key and not settings.url:
        return own_key.read(settings)
    if not key or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"there is no key for {where(settings)}",
            field="MAINSPRING_API_KEY",
            remedy="Set it to a key of that api; its operator makes one: mainspring keys make.",
        )
    return key
