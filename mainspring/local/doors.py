"""How the CLI reaches the running stack: its address and its key."""

from mainspring.client import Client
from mainspring.errors import StackError
from mainspring.local.services import address
from mainspring.settings import Settings


def client(settings: Settings | None = None) -> Client:
    """For the stack of this home. Raises StackError when it has no key yet."""
    settings = settings or Settings()
    path = settings.home / "key"
    if not path.exists():
        raise StackError(
            f"there is no key in {settings.home}",
            remedy="Start the stack first: mainspring up (or make run).",
        )
    return Client(address(settings), path.read_text().strip())
