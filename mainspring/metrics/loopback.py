"""Who may look without a key: whoever asks on this machine, and not for somebody else."""

from collections.abc import Callable
from ipaddress import ip_address

# A proxy on this machine asks from loopback, too, on behalf of anybody.
_PROXIED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def on_loopback(peer: str | None, header: Callable[[str], object]) -> bool:
    """`peer`: the address that the connection came from. `header` finds a request's header, whatever case it is in."""
    try:
        local = ip_address((peer or "").partition("%")[0])
    except ValueError:  # a Unix socket has no address
        return False
    mapped = getattr(local, "ipv4_mapped", None)
    return (mapped or local).is_loopback and not any(header(name) for name in _PROXIED)
