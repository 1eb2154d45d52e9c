"""The models that every contestant runs: Llamas of random weights, with a real tokenizer and without an end token."""

import pydoc
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CONTEXT = 2048
VOCABULARY = 8192


@dataclass(frozen=True)
class Size:
    hidden: int
    between: int
    layers: int
    heads: int


SIZES = {"20M": Size(384, 1024, 8, 6), "130M": Size(768, 2048, 16, 12)}


def make(name: str, folder: Path, seed: int = 1) -> None:
    """Weights and tokenizer, the same every time. Nothing ends an answer but its length."""
    size = SIZES[name]
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=size.hidden,
        intermediate_size=size.between,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def corpus() -> list[str]:
    """Paragraphs of Python's own documentation of its language, which every installation has."""
    from pydoc_data.topics import topics

    texts = [pydoc.plain(text) for text in topics.values()]
    return [" ".join(paragraph.split()) for text in texts for paragraph in text.split("\n\n")]


def _tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<|pad|>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(corpus(), trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=bpe, pad_token="<|pad|>", model_max_length=CONTEXT, padding_side="left"
    )
