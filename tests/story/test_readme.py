"""The README's first requests do what it says, word for word but for the port."""

import re
import subprocess
import sys
from pathlib import Path

from tests.faults.stack import Stack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def run(stack: Stack, command: list[str]) -> str:
    done = subprocess.run(
        command, env=stack.environment(), cwd=ROOT, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl(stack: Stack) -> None:
    (script,) = blocks("sh")
    script = script.replace("localhost:8000", f"127.0.0.1:{stack.settings.port}")
    script = script.replace(".venv/bin/mainspring", f"{sys.executable} -m mainspring")
    said = run(stack, ["bash", "-euo", "pipefail", "-c", script])
    assert '"deployment":"triage"' in said.replace(" ", "")
    assert '"state":"succeeded"' in said.replace(" ", "")
    assert "event: done" in said


def test_python(stack: Stack) -> None:
    first, many = blocks("python")
    assert "assistant@1" in run(stack, [sys.executable, "-c", first])
    assert len(run(stack, [sys.executable, "-c", many]).splitlines()) >= 5


def test_demo(stack: Stack) -> None:
    said = run(stack, [sys.executable, "-m", "mainspring", "demo", "--short"])
    assert "assistant@1 · attempt 1" in said
    assert "triage@1 says" in said
    assert "422" in said


def test_the_tree_names_what_is_there() -> None:
    tree = re.search(r"^## The tree\n+```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert tree is not None
    folder = Path()
    for line in tree[1].splitlines():
        name = line.split()[0]
        folder = folder if line.startswith("  ") else Path(name)
        path = ROOT / (folder / name if line.startswith("  ") else name)
        assert path.exists(), f"the README names {path}, which is not there"
