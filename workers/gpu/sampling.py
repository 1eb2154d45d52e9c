"""Which token comes next. Randomness is a function of (seed, position) alone.

So the same request with the same seed gets the same answer whatever else is in the batch, on whichever
worker, and after a failover. One number in [0, 1) a token is drawn by hash and inverted through the
cumulative distribution, in the order of token ids: an order that rounding cannot change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import torch
from torch import Tensor

from workers.gpu.native.build import KINDS
from workers.gpu.native.operators import define

_FIRST_LOOK = (
    1024  # sorting a whole vocabulary costs milliseconds a row; the nucleus is mostly in the first few
)
_COLDEST = 1e-4  # below it, dividing by the temperature overflows: greedy is what was meant


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 is greedy; `top_k` 0 is no limit."""

    seed: int
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    @classmethod
    def of(cls, parameters: dict[str, Any], seed: int) -> "Sampling":
        """Without a temperature: greedy, unless top_p or top_k ask for sampling, then 1."""
        asked = "top_p" in parameters or "top_k" in parameters
        temperature = float(parameters.get("temperature", 1.0 if asked else 0.0))
        return cls(
            seed=int(parameters.get("seed", seed)),
            temperature=temperature if temperature >= _COLDEST else 0.0,
            top_k=int(parameters.get("top_k", 0)),
            top_p=float(parameters.get("top_p", 1.0)),
        )


class Chosen(NamedTuple):
    """Of each row: the token, its log-probability, and the entropy of what it was chosen from; before temperature, in nats."""

    tokens: Tensor
    logprobs: Tensor
    entropies: Tensor


def choose(scores: Tensor, samplings: Sequence[Sampling], positions: Sequence[int]) -> Chosen:
    """The next token of each row.

    `scores`: [rows, vocabulary], raw. `positions`: how many tokens stand before the new one.
    """
    choices, masses, entropies = likeliest(scores)
    rows = [row for row, sampling in enumerate(samplings) if sampling.temperature > 0]
    if rows:
        index = torch.tensor(rows, device=scores.device)
        drawn = _draw(scores[index], [samplings[row] for row in rows], [positions[row] for row in rows])
        choices[index] = drawn
    chosen = scores.gather(1, choices.unsqueeze(1)).squeeze(1).float()
    return Chosen(choices, chosen - masses, entropies)


def likeliest(scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each row the first of the greatest, the logarithm of the sum of all exponentials, and the entropy in nats.

    The last two are float32, and not finite where a score is no number or endless; -inf is impossible and may be.
    """
    found: tuple[Tensor, Tensor, Tensor] = (
        torch.ops.mainspring.likeliest(scores) if scores.dtype in KINDS else _likeliest(scores)
    )
    return found


def _likeliest(scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scores = scores.float()
    entropies = torch.special.entr(scores.softmax(dim=-1)).sum(dim=-1)
    return scores.argmax(dim=-1), scores.logsumexp(dim=-1), entropies


define("likeliest(Tensor scores) -> (Tensor, Tensor, Tensor)", _likeliest)


def uniform(seed: int, position: int) -> float:
    """In [0, 1), 53 bits."""
    digest = blake2b(f"{seed}:{position}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _draw(scores: Tensor, samplings: Sequence[Sampling], positions: Sequence[int]) -> Tensor:
    temperature = _column([s.temperature for s in samplings], scores)
    probabilities = (scores.double() / temperature).softmax(dim=-1)
    if any(s.top_k or s.top_p < 1 for s in samplings):
        probabilities = _narrowed(probabilities, samplings, _FIRST_LOOK)
    cumulative = probabilities.cumsum(dim=-1)
    uniforms = [uniform(s.seed, position) for s, position in zip(samplings, positions, strict=True)]
    targets = _column(uniforms, scores) * cumulative[:, -1:]
    found = torch.searchsorted(cumulative, targets, right=True).squeeze(1)
    return found.clamp(max=scores.size(1) - 1)


def _column(numbers: list[float], like: Tensor) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64, device=like.device).unsqueeze(1)


def _narrowed(probabilities: Tensor, samplings: Sequence[Sampling], look: int) -> Tensor:
    """Zero outside the top k and, of what is left, outside the smallest set that holds top_p of the mass."""
    vocabulary = probabilities.size(1)
    limits = [s.top_k or vocabulary for s in samplings]
    look = min(vocabulary, max([look, *(k for k in limits if k < vocabulary)]))
    values, tokens = probabilities.topk(look, dim=-1)
    top_k = torch.tensor(limits, device=values.device).unsqueeze(1)
    top_p = _column([s.top_p for s in samplings], values)
    values = values * (torch.arange(look, device=values.device) < top_k)
    mass = torch.where(top_k < vocabulary, values.sum(dim=-1, keepdim=True), 1.0)
    kept = (values.cumsum(dim=-1) - values < top_p * mass) & (values > 0)
    unlimited = (top_k >= vocabulary) & (top_p < 1)
    if look < vocabulary and bool((kept[:, -1:] & unlimited).any()):
        return _narrowed(probabilities, samplings, vocabulary)
    narrowed = torch.zeros_like(probabilities).scatter(1, tokens, values * kept)
    return torch.where((top_k >= vocabulary) & (top_p >= 1), probabilities, narrowed)
