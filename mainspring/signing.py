"""The secret with which a tenant's webhooks are signed: derived from this installation's, so that none is stored.

Of the form that Standard Webhooks gives to symmetric secrets: `whsec_` and 32 bytes in base64.
"""

import base64
import hmac
import os
import secrets
from pathlib import Path
from uuid import UUID

from mainspring.settings import Settings


def installation_secret(settings: Settings) -> bytes:
    """MAINSPRING_SECRET, or that of the home, made when it is first asked for."""
    if settings.secret:
        return settings.secret.encode()
    path = settings.home / "secret"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return _made(path)


def webhook_secret(settings: Settings, tenant_id: UUID) -> str:
    """What a tenant's receivers verify signatures with."""
    derived = hmac.digest(installation_secret(settings), b"webhook:" + tenant_id.bytes, "sha256")
    return "whsec_" + base64.b64encode(derived).decode()


def _made(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"secret.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(new, path)  # whoever comes second finds the first one's
    except FileExistsError:
        pass
    finally:
        new.unlink()
    return path.read_bytes()
