"""How much memory a training loop takes, before it starts: what it holds all the time, and what a pass leaves behind.

Coefficients: benchmarks/training_memory.py says how far they are off.
"""

from dataclasses import dataclass, replace

ADAM = 2  # numbers of float32 a parameter
STREAM, INNER = 14, 4  # numbers that a layer keeps for the way back, in widths of the model and of its middle
COMPOSED = 10  # instead of INNER where the activation is composed of several operations
ADAPTED = 1.65  # times as much where each product has an adapter beside it
LOGITS = 4  # themselves, their logarithms, and the gradients of both: of float32
CLASSES = 16 * 2**20  # what a head without a vocabulary takes


@dataclass(frozen=True)
class Build:
    """What of a model decides. `trained`: of its parameters; `vocabulary`: 0 when it does not answer with words.

    `quadratic`: its attention keeps a number for each pair of positions. `composed`: its activation is one of several
    operations, as gelu_new is. `adapted`: what is trained are adapters.
    """

    parameters: int
    trained: int
    layers: int
    hidden: int
    inner: int
    heads: int = 1
    vocabulary: int = 0
    quadratic: bool = False
    composed: bool = False
    adapted: bool = False


@dataclass(frozen=True)
class Bytes:
    """By what takes them."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def held(self) -> int:
        """Whatever the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        return self.held + self.activations + self.logits

    def shared(self, processes: int) -> "Bytes":
        """Of one of so many processes that share the model."""
        return replace(
            self,
            weights=self.weights // processes,
            gradients=self.gradients // processes,
            optimizer=self.optimizer // processes,
        )


def estimate(build: Build, batch: int, length: int, *, half: bool = False) -> Bytes:
    """For passes over `batch` texts of `length` tokens; `half`: activations in two bytes each (mixed precision)."""
    number = 2 if half else 4
    tokens = batch * length
    inner = COMPOSED if build.composed else INNER
    layer = tokens * (STREAM * build.hidden + inner * build.inner) * number
    if build.quadratic:
        layer += 2 * batch * build.heads * length**2 * number
    logits = tokens * build.vocabulary * 4 * LOGITS if build.vocabulary else CLASSES
    return Bytes(
        weights=4 * build.parameters,
        gradients=4 * build.trained,
        optimizer=4 * ADAM * build.trained,
        activations=int(build.layers * layer * (ADAPTED if build.adapted else 1)),
        logits=logits,
    )


def parts_that_fit(build: Build, batch: int, length: int, room: int, *, half: bool = False) -> int | None:
    """In how many parts a batch has to be taken, the fewest; None: not even one text at a time fits."""
    for parts in range(1, batch + 1):
        if batch % parts == 0 and estimate(build, batch // parts, length, half=half).total <= room:
            return parts
    return None
