"""The frozen encoder in its own process: it may die, and nobody but its vectors is missing."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mainspring.errors import StackError
from mainspring.observe.encoder import bundled
from mainspring.observe.table import Table
from mainspring.observe.words import Words
from mainspring.settings import Settings
from workers.encoding import EncoderProcess

TEXTS = ["The cat sat on the mat.", "A cat is sitting on a rug.", "Stock prices fell sharply today."]


@pytest.fixture
def encoder(settings: Settings) -> Iterator[EncoderProcess]:
    made = EncoderProcess(settings, bundled())
    yield made
    made.close()


def test_vectors_say_what_texts_are_about_and_its_death_is_survived(encoder: EncoderProcess) -> None:
    found = encoder.encode([*TEXTS, "long " * 5000])
    assert found is not None
    vectors, seconds = found
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    assert vectors[0] @ vectors[1] > 2 * abs(vectors[0] @ vectors[2])
    assert 0 < seconds < 30
    assert encoder.pid is not None
    os.kill(encoder.pid, signal.SIGKILL)
    while encoder.running:
        pass
    again = encoder.encode(TEXTS)
    assert again is not None
    assert np.allclose(again.vectors, vectors[:3], atol=2e-2)


def test_without_an_encoder_nobody_falls(settings: Settings) -> None:
    nowhere = EncoderProcess(settings, settings.home / "nowhere")
    assert nowhere.encode(TEXTS) is None
    nowhere.close()


def test_words_alone_tell_subjects_apart() -> None:
    words = Words(bundled())
    same, near, far, nothing = words.embed([TEXTS[0], TEXTS[1], TEXTS[2], ""])
    assert _cosine(same, near) > _cosine(same, far)
    assert not nothing.any()


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def test_a_table_is_read_in_each_kind_of_number(tmp_path: Path) -> None:
    numbers = torch.randn(50, 8)
    for kind in (torch.float32, torch.float16, torch.bfloat16):
        save_file(
            {"x.word_embeddings.weight": numbers.to(kind), "other": numbers.clone()},
            tmp_path / "model.safetensors",
        )
        table = Table(tmp_path / "model.safetensors")
        assert len(table) == 50
        assert (table.rows(np.array([3, 3, 49])) == numbers.to(kind).float()[[3, 3, 49]].numpy()).all()
    save_file({"other": numbers.clone()}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="no table"):
        Table(tmp_path / "model.safetensors")


def test_a_folder_without_an_encoder_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(StackError) as refused:
        Words(tmp_path)
    assert "MAINSPRING_ENCODER" in (refused.value.remedy or "")
