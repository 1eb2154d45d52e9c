"""Tiny random models with real tokenizers, saved as a registered version's folder is."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

TEXTS = [
    "The mainspring of a watch runs down and has to be wound again.",
    "Ada Lovelace wrote the first program in London, and Grace Hopper found the first bug.",
    "Die Feder treibt das Uhrwerk; 時計のぜんまい 🕰️ は毎日巻く。",
    "Who wound the watch? The watchmaker did, in the morning, before the shop was opened.",
]
CONTEXT = 128
CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"


def byte_level() -> PreTrainedTokenizerFast:
    """A byte-level BPE of 400: most characters of Japanese and every emoji are several tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")


def _pieces(tokenizer: Tokenizer, special: list[str]) -> dict[str, int]:
    """Every other word whole, the others by their letters. Training numbers equals by chance, and so the models' answers."""
    found = [
        tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)) for text in TEXTS
    ]
    words = sorted({word for text in found for word, _ in text})
    letters = {letter for word in words for letter in word}
    pieces = {*words[1::2], *letters, *(f"##{letter}" for letter in letters)}
    return {piece: number for number, piece in enumerate([*special, *sorted(pieces)])}


def word_piece() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.model = models.WordPiece(_pieces(tokenizer, special), unk_token="[UNK]")
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def causal(architecture: str, *, context: int = CONTEXT) -> PreTrainedModel:
    torch.manual_seed(7)
    shape = {
        "vocab_size": 400,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": context,
        "initializer_range": 0.3,  # so that greedy text varies instead of repeating one token
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    if architecture == "gpt2":
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=400, n_embd=64, n_layer=2, n_head=4, n_positions=context, initializer_range=0.3,
                bos_token_id=None, eos_token_id=0, pad_token_id=0,
            )
        )  # fmt: skip
    if architecture == "qwen2":
        return Qwen2ForCausalLM(Qwen2Config(**shape))
    return LlamaForCausalLM(LlamaConfig(**shape))


def encoder(task: str) -> PreTrainedModel:
    torch.manual_seed(7)
    labels = ["O", "B-PERSON", "I-PERSON", "B-PLACE"] if task == "token-classification" else ["no", "yes"]
    config = BertConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.5,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    classes: dict[str, type[PreTrainedModel]] = {
        "text-classification": BertForSequenceClassification,
        "token-classification": BertForTokenClassification,
        "fill-mask": BertForMaskedLM,
        "question-answering": BertForQuestionAnswering,
    }
    return classes[task](config)


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
