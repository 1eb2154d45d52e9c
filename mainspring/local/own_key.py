"""The key of this home, as it is kept in it."""

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.settings import Settings


def read(settings: Settings) -> str:
    """Raises StackError when there is none yet."""
    path = Home(settings.home).key
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise StackError(
            f"there is no key in {path.parent} yet",
            remedy="Start the stack once: `mainspring up` makes the first key.",
        ) from None
    except PermissionError:
        raise StackError(
            f"{path} belongs to another user", remedy="Ask as the user who ran `mainspring up`."
        ) from None
