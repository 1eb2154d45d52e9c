"""The model's forward passes over the slots: one token a slot, alone or beside packed parts of prompts."""

from itertools import repeat
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from workers.gpu.native.build import able
from workers.gpu.packed import pack
from workers.gpu.slotted.attention import NAME, Reach
from workers.gpu.slotted.cache import Fresh, Shape, Store
from workers.gpu.slotted.decoding import InOneRow, OneEach
from workers.gpu.slotted.grains import Piece, pieces
from workers.gpu.slotted.joined import join
from workers.gpu.slotted.reading import Alone, Numbered, Packed, Stretch
from workers.gpu.slotted.table import Part

PADDING = (0, 0, -1)  # a row that feeds no slot


def prepare(model: PreTrainedModel, slots: int, tokens: int) -> Store:
    """The model attends through the slots from now on. Gives its cache, which holds so many tokens in all."""
    cast("Any", model.config)._attn_implementation = NAME  # noqa: SLF001  `set_attn_implementation` reloads kernels
    config: Any = model.config.get_text_config()
    length = min(tokens, config.max_position_embeddings)
    store = Store(_shapes(model), model.dtype, slots=slots, length=length, tokens=tokens)
    pack(model)
    join(model)
    return store


def step(model: PreTrainedModel, store: int, tokens: Tensor, positions: Tensor, slots: Tensor) -> Tensor:
    """Of each row [rows] the token that it feeds, where, and into which slot; -1: padding. Gives [rows, vocabulary].

    `store`: its number.
    """
    reach = OneEach(store, slots, positions)
    return _forward(model, tokens[:, None], positions[:, None], reach=reach)[:, 0]


class Laid(NamedTuple):
    """Parts of prompts, and after them one token of each who decodes, as a pass takes them.

    `ids`, `positions`: [1, tokens]; `keep`: the last token of each; `reach`: kept as long as the pass runs. `slots`:
    [tokens], of each the one that it feeds, if all parts are short; else None.
    """

    ids: Tensor
    positions: Tensor
    keep: Tensor
    reach: Packed
    slots: Tensor | None

    @property
    def number(self) -> Tensor:
        return torch.tensor(self.reach.number)


def lay(store: Store, parts: list[Part], fed: list[tuple[int, int, int]], round_to: int) -> Laid:
    """`fed`: token, position and slot of each who decodes. What stands behind them, to a multiple, is padding."""
    padding = able(store.keys[0].dtype)  # only the operator in C++ lets it be
    stretches: list[Stretch] = []
    ids: list[int] = []
    positions: list[int] = []
    rows: list[tuple[int, int, int]] = []  # token by token, then of who decodes
    ends: list[tuple[bool, int]] = []  # of each part: whether its last token is among the rows, and where
    for part in parts:
        whole = [Piece(part.begin, part.end, each=False)]
        for begin, end, each in pieces(part.begin, part.end, len(part.request.ids)) if padding else whole:
            span = part.request.span(begin, end)
            if each:
                rows += zip(span, range(begin, end), repeat(part.slot), strict=False)
                continue
            stretches.append(Stretch(part.slot, len(ids), begin, end))
            ids += span
            positions += range(begin, end)
        ends.append((each, len(rows if each else ids) - 1))
    keep = [len(ids) + at if among else at for among, at in ends]
    keep += range(len(ids) + len(rows), len(ids) + len(rows) + len(fed))
    rows += fed
    if padding:
        rows += [PADDING] * (-(len(ids) + len(rows)) % round_to)
    tokens, places, slots = torch.tensor(rows, dtype=torch.long).view(-1, 3).t().contiguous()
    ones = OneEach(store.number, slots, places) if rows else None
    row = torch.cat([torch.tensor([ids, positions], dtype=torch.long), torch.stack([tokens, places])], dim=1)
    short = slots if padding and not stretches else None
    return Laid(row[:1], row[1:], torch.tensor(keep), Packed(store, stretches, ones), short)


def read(model: PreTrainedModel, ids: Tensor, positions: Tensor, keep: Tensor, number: Tensor) -> Tensor:
    """The pass of that number. Gives [kept, vocabulary]: what follows each token that is kept."""
    return _forward(model, ids, positions, reach=Numbered(number), keep=keep)[0]


def read_short(  # noqa: PLR0917  what is compiled is called by position
    model: PreTrainedModel, store: int, ids: Tensor, positions: Tensor, keep: Tensor, slots: Tensor
) -> Tensor:
    """The same of short parts alone, of which each token is a row of its own over its slot: without Python in a layer.

    `store`: its number.
    """
    reach = InOneRow(OneEach(store, slots, positions[0]))
    return _forward(model, ids, positions, reach=reach, keep=keep)[0]


def read_alone(model: PreTrainedModel, ids: Tensor) -> Tensor:
    """A text [tokens] over no slot, kept nowhere. Gives [tokens, vocabulary]: what follows each."""
    positions = torch.arange(len(ids), device=ids.device)
    return _forward(model, ids[None], positions[None], reach=Alone(len(ids)))[0]


def _forward(
    model: PreTrainedModel,
    ids: Tensor,
    positions: Tensor,
    *,
    reach: Reach,
    keep: int | Tensor = 0,
) -> Tensor:
    """`ids`, `positions`: [rows, tokens]; `keep`: at which tokens the scores are wanted, 0 for all."""
    made = cast("Any", model)(
        input_ids=ids,
        position_ids=positions,
        attention_mask=ids.new_ones(1, 1, 1, 1),  # four dimensions are taken as they are, so no mask is made
        past_key_values=Fresh(),
        use_cache=True,
        logits_to_keep=keep,
        reach=reach,
    )
    scores: Tensor = made.logits
    return scores


def _shapes(model: PreTrainedModel) -> list[Shape]:
    """Heads and width of each layer's keys."""
    config: Any = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return [(heads, width)] * config.num_hidden_layers
