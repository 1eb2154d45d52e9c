"""What is installed here, as constraints of pip: each distribution by its exact version."""

import re
from importlib.metadata import distributions

OURS = "mainspring"


def pinned() -> dict[str, str]:
    """Version by name, both as pip compares them; without Mainspring itself."""
    found: dict[str, str] = {}
    for one in distributions():
        name = re.sub(r"[-_.]+", "-", str(one.metadata["Name"])).lower()
        found.setdefault(name, one.version)  # as for imports, the first on the path counts
    return {name: found[name] for name in sorted(found) if name != OURS}


def constraints(pins: dict[str, str]) -> str:
    """The content of the file."""
    return "".join(f"{name}=={version}\n" for name, version in pins.items())


def index_of(version: str) -> str | None:
    """Where a build of torch is that PyPI does not have, such as that of `2.13.0+cpu`; None: PyPI has it."""
    local = version.partition("+")[2]
    return f"https://download.pytorch.org/whl/{local}" if local else None
