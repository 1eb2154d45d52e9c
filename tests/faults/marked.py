"""Versions that can be told apart by what they say: whatever the prompt is, a model writes one letter, or a
few as one token, again and again."""

from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from tests.contract.models import byte_level, save

LOUD = 10.0  # beside weights of some hundredths


def marked(folder: Path, mark: str, *, width: int = 32, layers: int = 1) -> Path:
    """Its last norm gives the same vector for everything, and only the mark's row of the head looks that way."""
    tokenizer = byte_level()
    if len(mark) > 1:
        tokenizer.add_tokens([mark])
    (letter,) = tokenizer.encode(mark, add_special_tokens=False)
    torch.manual_seed(7)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=256,
        n_embd=width,
        n_layer=layers,
        n_head=2,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        model.transformer.ln_f.weight.zero_()
        model.transformer.ln_f.bias.zero_()
        model.transformer.ln_f.bias[1] = 1.0
        model.transformer.wte.weight[:, 1] = 0.0
        model.transformer.wte.weight[letter, 1] = LOUD
    return save(model, tokenizer, folder)
