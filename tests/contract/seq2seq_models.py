"""Tiny random sequence-to-sequence models, one of each kind that differs in how it is told its languages."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    M2M100Config,
    M2M100ForConditionalGeneration,
    MarianConfig,
    MarianMTModel,
    MBart50Tokenizer,
    MBartConfig,
    MBartForConditionalGeneration,
    NllbTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.contract.models import CONTEXT, TEXTS

PREFIXES = {
    "summarization": {"prefix": "summarize: ", "num_beams": 4},
    "translation_en_to_de": {"prefix": "translate English to German: "},
    "translation_en_to_fr": {"prefix": "translate English to French: "},
}
_SHAPE: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": CONTEXT,
    "init_std": 0.4,  # so that greedy text varies
}


def unigram() -> PreTrainedTokenizerFast:
    """As T5's: words with their space before them, an end after each text."""
    names = ["<pad>", "</s>", "<unk>", *_pieces()]
    scored = [(name, -10.0 / len(name)) for name in names]
    tokenizer = Tokenizer(models.Unigram(scored, 2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


def t5(folder: Path) -> Path:
    torch.manual_seed(7)
    tokenizer = unigram()
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, n_positions=CONTEXT,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, task_specific_params=PREFIXES,
        tie_word_embeddings=False, initializer_factor=3.0,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(0.1)
    rules: Any = model.generation_config
    rules.begin_suppress_tokens, rules.bad_words_ids = [1], [[0], [2]]  # no answer is empty
    return _save(model, tokenizer, folder)


def bart(folder: Path, *, context: int = CONTEXT) -> Path:
    """With rules of its own: an end is forced, no three tokens come twice, answers have eight tokens at least."""
    torch.manual_seed(7)
    tokenizer = unigram()
    config = BartConfig(
        vocab_size=len(tokenizer), pad_token_id=0, bos_token_id=1, eos_token_id=1, decoder_start_token_id=1,
        forced_eos_token_id=1, **_SHAPE | {"max_position_embeddings": context},
    )  # fmt: skip
    model = BartForConditionalGeneration(config)
    rules: Any = model.generation_config
    rules.no_repeat_ngram_size, rules.min_length, rules.num_beams, rules.length_penalty = 3, 8, 4, 2.0
    rules.early_stopping = True
    return _save(model, tokenizer, folder)


def mbart(folder: Path) -> Path:
    torch.manual_seed(7)
    tokenizer = MBart50Tokenizer(vocab=_scored(MBart50Tokenizer()))
    config = MBartConfig(
        vocab_size=len(tokenizer),
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        **_SHAPE,
    )
    return _save(_speechless(MBartForConditionalGeneration(config), tokenizer), tokenizer, folder)


def nllb(folder: Path) -> Path:
    """The architecture of M2M100, the languages of NLLB."""
    torch.manual_seed(7)
    names = ["<s>", "<pad>", "</s>", "<unk>", *_pieces(), "<mask>"]
    tokenizer = NllbTokenizer(vocab={name: index for index, name in enumerate(names)}, merges=[])
    config = M2M100Config(
        vocab_size=len(tokenizer),
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        **_SHAPE,
    )
    return _save(_speechless(M2M100ForConditionalGeneration(config), tokenizer), tokenizer, folder)


def marian(folder: Path) -> Path:
    """With a tokenizer of SentencePiece models, trained here, and two target languages."""
    from transformers import MarianTokenizer

    torch.manual_seed(7)
    words = _sentence_pieces(folder, "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    names = ["</s>", "<unk>", ">>fra<<", ">>spa<<", *words, "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({name: index for index, name in enumerate(names)}))
    tokenizer = MarianTokenizer(
        str(folder / "source.spm"), str(folder / "target.spm"), str(folder / "vocab.json")
    )
    pad = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names), pad_token_id=pad, eos_token_id=0, bos_token_id=0, decoder_start_token_id=pad,
        forced_eos_token_id=0, **_SHAPE,
    )  # fmt: skip
    model = MarianMTModel(config)
    model.generation_config.bad_words_ids = [[pad], [1], [2], [3]]
    return _save(model, tokenizer, folder)


def m2m100(folder: Path) -> Path:
    """With its own tokenizer: a table of a hundred languages, whose codes are no special tokens when saved so."""
    from transformers import M2M100Tokenizer

    torch.manual_seed(7)
    names = ["<s>", "<pad>", "</s>", "<unk>", *_sentence_pieces(folder, "sentencepiece.bpe.model")]
    (folder / "vocab.json").write_text(json.dumps({name: index for index, name in enumerate(names)}))
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    languages = range(len(names), len(names) + 108)
    config = M2M100Config(
        vocab_size=languages.stop,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
        **_SHAPE,
    )
    model = M2M100ForConditionalGeneration(config)
    model.generation_config.bad_words_ids = [[3], *([code] for code in languages)]
    return _save(model, tokenizer, folder)


def _sentence_pieces(folder: Path, name: str) -> list[str]:
    """Of a SentencePiece model that is trained here and saved under this name."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_prefix=str(folder / "trained"), vocab_size=120,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "trained.vocab").unlink()
    (folder / "trained.model").rename(folder / name)
    trained = sentencepiece.SentencePieceProcessor(model_file=str(folder / name))
    return [trained.IdToPiece(index) for index in range(3, trained.GetPieceSize())]


def _speechless(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> PreTrainedModel:
    """A language's code is no word of an answer."""
    codes = [at for token, at in tokenizer.get_vocab().items() if len(token) > 4 and "_" in token[2:4]]
    rules: Any = model.generation_config
    rules.bad_words_ids = [[code] for code in codes]
    return model


def _pieces() -> list[str]:
    """Every word and every character of the texts."""
    words = {f"▁{word}" for text in TEXTS for word in text.split()}
    return [*sorted(words), *sorted({"▁", *"".join(TEXTS)} - {" "})]


def _scored(empty: PreTrainedTokenizerBase) -> list[tuple[str, float]]:
    """The four special tokens, pieces of the texts, the languages and the mask, as a tokenizer of this kind wants."""
    codes = [code for code in empty.get_vocab() if len(code) == 5 and code[2] == "_"]
    names = ["<s>", "<pad>", "</s>", "<unk>", *_pieces(), *codes, "<mask>"]
    return [(name, -10.0 / len(name)) for name in names]


def _save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
