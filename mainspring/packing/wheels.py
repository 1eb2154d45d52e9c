"""The wheels of all that an image installs, so that it is built without a network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mainspring.errors import StackError


def gather(
    cache: Path, into: Path, constraints: Path, needed: Sequence[Sequence[str]], index: str | None = None
) -> None:
    """What pip would install of `needed`, each a list of its arguments, as wheels in `into`.

    Taken from `cache` as far as it is there; what is missing is downloaded, for this interpreter and this machine, and
    kept there. `index`: where else the first of them is looked for, once the usual one has it not. Raises StackError with
    pip's last line.
    """
    cache.mkdir(parents=True, exist_ok=True)
    into.mkdir(parents=True, exist_ok=True)
    own = set(into.glob("*.whl"))
    there = ["--find-links", str(cache), "--find-links", str(into)]
    for number, words in enumerate(needed):
        ways = [
            ["--no-index"],
            [],
            *([["--extra-index-url", index]] if index is not None and number == 0 else []),
        ]
        wrong: str | None = None
        for way in ways:
            if (wrong := _pip(into, constraints, [*way, *there, *words])) is None:
                break
        if wrong is not None:
            raise StackError(
                f"the wheels of {words[-1]} cannot be had: {wrong}",
                field="wheels",
                remedy=f"Put them into {cache}, or run it where a package index can be reached.",
            )
        for wheel in sorted(set(into.glob("*.whl")) - own):
            if not (cache / wheel.name).exists():
                _kept(wheel, cache / wheel.name)


def _pip(into: Path, constraints: Path, words: Sequence[str]) -> str | None:
    """None: it is done. Else what it said last."""
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"]
    options = ["--only-binary", ":all:", "--dest", str(into), "--constraint", str(constraints)]
    done = subprocess.run([*command, *options, *words], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said[-1] if said else f"pip ended with {done.returncode}"


def _kept(wheel: Path, place: Path) -> None:
    try:
        os.link(wheel, place)
    except OSError:
        shutil.copyfile(wheel, place)
