"""Where the policy has a gate, a pipeline measures the candidate beside the champion, and each condition is a case."""

import json
from pathlib import Path
from typing import Any

from mainspring.curation.documents import docstrings
from tests.contract.models import byte_level, causal, save
from tests.faults.stack import Stack
from tests.story.test_ci import PROMPTS
from tests.story.test_commands import command

FILE = """\
deployments:
  gated:
    task: text-generation
    model: model
    policy:
      rollout: {{steps: [0.5], samples: 10, dwell_seconds: 0}}
      evaluation: {{timed: 0, perturbed: 0, sets: {{manual: {digest}}}}}
      gate: {{fewest_items: 5, fewest_clusters: 5, metrics: {{likelihood.manual: {{role: must_not_fall, tolerance: 0.1}}}}}}
"""
CONDITION = "likelihood.manual must not fall"


def test_each_condition_of_the_gate_is_a_case(stack: Stack, tmp_path: Path) -> None:
    model = causal("llama", context=128)
    stack.deploy("gated", save(model, byte_level(), tmp_path / "model"), "text-generation")
    model.lm_head.weight.data[0, 0] += 1e-4
    save(model, byte_level(), tmp_path / "near")
    model.lm_head.weight.data *= 4  # the same answers, and too sure of them
    save(model, byte_level(), tmp_path / "loud")
    texts = [part for one in docstrings("pydoc_data.topics") for part in one.text.split("\n\n")]
    rows = [json.dumps({"text": text}) for text in texts if len(text) > 200]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows[:120]))
    said = command(stack, "datasets", "add", "gated", str(tmp_path / "rows.jsonl"), "--follow", "--json")
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(f"{json.dumps(one)}\n" for one in PROMPTS))
    file = tmp_path / "deployments.yaml"
    file.write_text(FILE.format(digest=json.loads(said.stdout)["digest"]))
    assert command(stack, "apply", str(file)).returncode == 0

    def ci(name: str) -> tuple[int, dict[str, dict[str, Any]]]:
        words = ["--candidate", str(tmp_path / name), "--prompts", str(prompts), "--json"]
        done = command(stack, "ci", str(file), *words)
        return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["cases"]}

    code, cases = ci("near")
    assert CONDITION in cases, json.dumps(cases, indent=1)
    assert (code, cases[CONDITION]["outcome"], cases["verdict"]["outcome"]) == (0, "passed", "passed"), cases
    code, cases = ci("loud")
    assert (code, cases[CONDITION]["outcome"], cases["verdict"]["outcome"]) == (1, "failed", "failed"), cases
    assert "which does not hold" in cases[CONDITION]["detail"]
    assert cases[CONDITION]["remedy"]
