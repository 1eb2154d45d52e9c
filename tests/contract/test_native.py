"""How the operators in C++ come to a process: built once for all, by one or by several at a time, or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from tests.contract.models import byte_level, causal, save
from workers.gpu.native.build import able, compiler
from workers.gpu.sampling import Sampling, choose
from workers.gpu.slotted.passes import prepare, step

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C++ compiler: the plain operations serve")

CHOICE = """
import torch
from workers.gpu.native.build import able
from workers.gpu.sampling import Sampling, choose
_, logprobs, _ = choose(torch.arange(300.0).view(3, 100).sin(), [Sampling(0)] * 3, [0] * 3)
print(able(torch.float32), logprobs.sum().item())
"""
STEP = """
import torch
from tests.contract.test_native import step_of
from workers.gpu.native.build import able
print(able(torch.float32), step_of({folder!r}))
"""


def step_of(folder: str | Path) -> float:
    """What the scores of one decode step come to."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    store, ones = prepare(model, 2, 64), torch.ones(2, dtype=torch.long)
    with torch.no_grad():
        return step(model, store.number, ones, 0 * ones, torch.arange(2)).abs().sum().item()


def entropies_of(scores: torch.Tensor) -> torch.Tensor:
    """By the definition, in torch's double precision."""
    return torch.special.entr(scores.double().softmax(-1)).sum(-1).float()


def begin(code: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> tuple[bool, float]:
    """Whether it has the operators, and what its step came to."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    has, total = out.splitlines()[-1].split()
    return has == "True", float(total)


@needs_compiler
def test_two_that_start_at_once_build_it_and_a_third_finds_it(tmp_path: Path) -> None:
    two = [begin(CHOICE, XDG_CACHE_HOME=str(tmp_path)) for _ in range(2)]
    made = [said(one) for one in two]
    [library] = (tmp_path / "mainspring").iterdir()
    built = library.stat().st_mtime_ns
    made.append(said(begin(CHOICE, XDG_CACHE_HOME=str(tmp_path))))
    assert [has for has, _ in made] == [True] * 3
    assert len({total for _, total in made}) == 1
    assert library.stat().st_mtime_ns == built


@needs_compiler
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert said(begin(CHOICE, XDG_CACHE_HOME=str(tmp_path / "file")))[0]


def test_without_a_compiler_the_plain_operations_give_the_same(tmp_path: Path) -> None:
    folder = save(causal("llama"), byte_level(), tmp_path / "model")
    has, total = said(begin(STEP.format(folder=str(folder)), PATH=str(tmp_path), CXX=""))
    assert not has
    assert step_of(folder) == pytest.approx(total, rel=1e-4)


@needs_compiler
@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 5),
    vocabulary=st.integers(1, 3000),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 2**31),
)
def test_the_likeliest_tokens_are_those_of_torch(
    rows: int, vocabulary: int, dtype: torch.dtype, seed: int
) -> None:
    """Of equals, which are many in bfloat16, the first; and the entropy of what they are chosen from."""
    assert able(dtype)
    scores = (torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * 4).to(dtype)
    choices, logprobs, entropies = choose(scores, [Sampling(0)] * rows, [0] * rows)
    wanted = scores.float().log_softmax(-1)
    assert torch.equal(choices, scores.float().argmax(-1))
    torch.testing.assert_close(logprobs, wanted.gather(1, choices[:, None])[:, 0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(entropies, entropies_of(scores), rtol=1e-4, atol=1e-5)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_entropies_from_certain_to_even(dtype: torch.dtype) -> None:
    """What is impossible, and what is far less likely than float32 can say, add nothing."""
    assert able(dtype)
    scores = torch.zeros(4, 5000)
    scores[0, 1:] = -torch.inf
    scores[1, 0] = 1e4
    scores[2, :2500] = -torch.inf
    entropies = choose(scores.to(dtype), [Sampling(0)] * 4, [0] * 4).entropies
    torch.testing.assert_close(
        entropies, torch.tensor([1.0, 1.0, 2500.0, 5000.0]).log(), rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(entropies, entropies_of(scores.to(dtype)), rtol=1e-5, atol=1e-6)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_that_are_not_numbers_are_seen_in_their_own_row(dtype: torch.dtype) -> None:
    assert able(dtype)
    scores = torch.randn(4, 300).to(dtype)
    scores[1, 7], scores[2, 7], scores[3] = float("nan"), float("inf"), float("nan")
    _, logprobs, entropies = choose(scores, [Sampling(0)] * 4, [0] * 4)
    assert logprobs.isfinite().tolist() == entropies.isfinite().tolist() == [True, False, False, False]


def test_other_data_types_have_none() -> None:
    assert not able(torch.float64)
