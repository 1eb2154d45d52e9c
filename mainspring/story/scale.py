"""How large the story is: the real one, and one that tests tell in a minute."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """`modules`: whose docstrings are its texts. `most`: passages that are asked, each once before any comes again; taken of the first files."""

    name: str
    modules: tuple[str, ...]
    most: int = 1000


@dataclass(frozen=True)
class Training:
    steps: int
    learning_rate: float
    batch_size: int = 8
    block_length: int = 128

    def parameters(self) -> dict[str, int | float]:
        return {
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "block_length": self.block_length,
        }


@dataclass(frozen=True)
class Demands:
    """What the story has to show, in nats per token: the new subject better by `gained`, the old worse by `lost` at most."""

    gained: float = 1.5
    lost: float = 0.1


@dataclass(frozen=True)
class Scale:
    """`quiet`: requests about the old subject, behind those of the reference, without an alarm; `minimum`: requests about
    the new one before anything is learned from them. `nearest`: documents of the library; `poisoned`: of the bad folder.
    `fewest`: texts without which the gate decides nothing.
    `patience`: seconds for each thing that is waited for, after which the story gives up."""

    old: Subject = Subject("Python", ("pydoc_data.topics",))
    new: Subject = Subject("sympy", ("sympy",))
    first: Training = Training(320, 3e-3)
    again: Training = Training(220, 1.5e-3)
    poison: Training = Training(80, 1.5e-3)
    reference: int = 200
    quiet: int = 60
    minimum: int = 60
    nearest: int = 900
    poisoned: int = 500
    fewest: int = 20
    askers: int = 4
    demands: Demands = Demands()
    patience: float = 900.0
