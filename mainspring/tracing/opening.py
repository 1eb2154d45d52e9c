"""Whether a process traces, and by what."""

from importlib import import_module
from importlib.util import find_spec

from mainspring.errors import StackError
from mainspring.settings import Settings
from mainspring.tracing.road import Road
from mainspring.tracing.untraced import UNTRACED

NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
REMEDY = "pip install 'mainspring[otel]', or leave MAINSPRING_OTLP_ENDPOINT empty."


def opened(settings: Settings, process: str) -> Road:
    """`process`: api, infer, ops. Of OpenTelemetry nothing is imported while it is off. Raises StackError: see `check`."""
    if not settings.otlp_endpoint:
        return UNTRACED
    check(settings)
    road: Road = import_module("mainspring.tracing.traced").Traced(settings.otlp_endpoint, process)
    return road


def check(settings: Settings) -> str:
    """Where traces go, for people. Raises StackError with the remedy if they are asked for and cannot be made."""
    if not settings.otlp_endpoint:
        return "off"
    missing = [name for name in NEEDED if not _there(name)]
    if missing:
        error = StackError(
            f"MAINSPRING_OTLP_ENDPOINT asks for traces, and {missing[0]} is not installed", remedy=REMEDY
        )
        error.add_note(REMEDY)  # for those who start the processes themselves, and see it as it is raised
        raise error
    return f"to {settings.otlp_endpoint}"


def _there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of a package above it
        return False
