"""Where PostgreSQL and Redis are: as the settings say, else the embedded ones on this home's Unix sockets."""

import hashlib
import tempfile
from pathlib import Path

from mainspring.settings import Settings

LONGEST_SOCKET_PATH = 100  # sun_path holds 104 (macOS) or 108 (Linux) bytes


def socket_dir(home: Path) -> Path:
    """`<home>/run`, or a short private folder keyed by the home where that path is too long for a socket."""
    preferred = home.absolute() / "run"
    if len(str(preferred / ".s.PGSQL.5432").encode()) <= LONGEST_SOCKET_PATH:
        return preferred
    key = hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"mainspring-{key}"


def database_url(settings: Settings) -> str:
    """For SQLAlchemy with psycopg 3."""
    if settings.database_url:
        return settings.database_url
    return f"postgresql+psycopg://postgres@/mainspring?host={socket_dir(settings.home)}"


def redis_url(settings: Settings) -> str:
    """For redis-py."""
    return settings.redis_url or f"unix://{socket_dir(settings.home)}/valkey.sock"


def broker_url(settings: Settings) -> str:
    """For Celery, which names Unix sockets otherwise than redis-py does."""
    url = redis_url(settings)
    return url.replace("unix://", "redis+socket://", 1) if url.startswith("unix://") else url
