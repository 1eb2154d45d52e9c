"""The examples are what the tools that read them take: pipelines by their services' schemas, commands by our own."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mainspring.checking.cases import Outcome
from mainspring.checking.configuration import validated
from mainspring.cli import app
from mainspring.cli.prompt_file import read

EXAMPLES = Path(__file__).parents[2] / "examples"
SCHEMAS = {
    "github-actions": "github-workflows",
    "gitlab-ci": "gitlab-ci",
    "azure-pipelines": "azure-pipelines",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_pipeline_is_what_its_service_reads(name: str) -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    words = [
        tool,
        "--regex-variant",
        "nonunicode",
        "--builtin-schema",
        f"vendor.{SCHEMAS[name]}",
        EXAMPLES / "ci" / f"{name}.yml",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SCHEMAS)
def test_its_commands_are_ours(name: str) -> None:
    content = re.sub(r"\n\s+(?=--)", " ", (EXAMPLES / "ci" / f"{name}.yml").read_text())
    said = re.findall(r"mainspring ((?:ci|resume) .*)", content)
    assert len(said) >= 2
    for line in said:
        words = shlex.split(line)
        command = typer.main.get_command(app(words)).commands[words[0]]  # type: ignore[attr-defined]
        command.make_context(words[0], words[1:])  # refuses what it does not know


def test_the_deployments_and_their_prompts_are_right() -> None:
    assert {case.outcome for case in validated(EXAMPLES / "deployments.yaml")[2]} == {Outcome.PASSED}
    assert len(read(EXAMPLES / "prompts.jsonl", "prompts").prompts) == 3
