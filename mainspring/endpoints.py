"""Where PostgreSQL and Redis are: as the settings say, else the embedded ones on this home's Unix sockets."""

import hashlib
from pathlib import Path
from urllib.parse import quote

from mainspring.settings import Settings

LONGEST_SOCKET_PATH = 100  # sun_path holds 104 (macOS) or 108 (Linux) bytes


def socket_dir(home: Path) -> Path:
    """`<home>/run`, or a short private folder keyed by the home where that path is too long for a socket."""
    preferred = home.absolute() / "run"
    if len(str(preferred / ".s.PGSQL.5432").encode()) <= LONGEST_SOCKET_PATH:
        return preferred
    key = hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:12]
    # Not the temp folder of $TMPDIR: another shell's could differ, and it would look for the sockets elsewhere.
    # The name can be guessed, so the stack checks who owns the folder before it uses it (local/folders.py).
    return Path("/tmp") / f"mainspring-{key}"  # noqa: S108


def database_url(settings: Settings) -> str:
    """For SQLAlchemy with psycopg 3."""
    if settings.database_url:
        return settings.database_url
    return f"postgresql+psycopg://postgres@/mainspring?host={quote(str(socket_dir(settings.home)))}"


def redis_url(settings: Settings) -> str:
    """For redis-py."""
    return settings.redis_url or f"unix://{quote(str(socket_dir(settings.home)))}/valkey.sock"


def broker_url(settings: Settings) -> str:
    """For Celery, which names Unix sockets otherwise than redis-py does."""
    url = redis_url(settings)
    return url.replace("unix://", "redis+socket://", 1) if url.startswith("unix://") else url
