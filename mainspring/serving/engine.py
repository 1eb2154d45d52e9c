"""The engine protocol: what a worker asks of whatever runs a version's weights.

An engine knows nothing of jobs' rows, queues, tenants or leases: it is given requests and gives answers.
`tests/contract/test_engine.py` is the measure that every engine passes.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from mainspring.tracecontext import TraceContext

OnText = Callable[[str], None]


@dataclass(frozen=True)
class EngineRequest:
    """One job's work. `input` and `parameters` are as validated by serving/inputs.py for the version's task.

    `id` is unique among the requests that an engine holds. `seed` makes sampling reproducible: the same
    request with the same seed gives the same answer, whatever else is in the batch. `scope`: whose it is. What an
    engine of ours keeps of a request, to answer a similar one sooner, serves its scope alone, since the time that an
    answer takes would tell others what was asked. `trace`: for an engine that asks a server, which may make spans itself.
    """

    id: str
    input: Any
    parameters: dict[str, Any]
    seed: int
    scope: str = ""
    trace: TraceContext | None = None


@dataclass(frozen=True)
class EngineAnswer:
    """What came out. For tasks that write the texts given to `on_text`, joined, equal `output["text"]`.

    `measures`: what else an engine could see, by name. `entropy`: of the distributions that the answer's tokens were chosen
    from, the mean in nats a token, before temperature. `prompt_logprob`: of the prompt's last tokens, the mean in nats, in
    a sample of jobs. `margin`: by how much the chosen label's probability exceeds the next one's, the mean over the texts.
    """

    output: Any
    usage: dict[str, int]
    first_token_seconds: float | None = None  # from submit to the first token; None for encoders
    engine_seconds: float = 0.0  # from submit to the answer
    mean_logprob: float | None = (
        None  # nats per generated token, before temperature, or per label or answer chosen
    )
    measures: dict[str, Any] = field(default_factory=dict)
    gaps: list[float] = field(
        default_factory=list
    )  # seconds from each token to the next, where that is heard


@dataclass(frozen=True)
class Health:
    """`alive`: its thread runs. `idle_seconds`: since it last made progress while it had work; 0 without work.

    `cache_used`: how much of its cache of keys and values is taken, from 0 to 1; None: it has none of its own.
    """

    alive: bool
    pending: int
    idle_seconds: float
    cache_used: float | None = None


@dataclass(frozen=True)
class Plan:
    """How a causal version runs on a kind of machine: by which engine, in how many slots, on how many threads.

    `dtype`: the number format of weights and cache, as torch names it. `tried`: what was measured before it was
    chosen, each with its `engine`, `slots`, `threads` and `tokens_per_second`; empty where there was no choice.
    `reason`: why the slots cannot run it here, if they cannot.
    """

    engine: str
    slots: int
    threads: int
    dtype: str
    tried: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None


class Engine(Protocol):
    """Thread-safe. After `stop` every future it gave has a result or an exception."""

    name: str
    capacity: int  # how many requests it runs at once with profit; a worker claims no more

    @property
    def plan(self) -> Plan | None:
        """None where an engine has one way to run."""
        ...

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:
        """Begin. The future ends with an answer or with:

        PromptTooLong, InvalidRequest (the input cannot be used), Cancelled (after `cancel`),
        EngineFailed (retryable: the loop died or hung), EngineStopping (retryable).
        `on_text` is called from the engine's thread with each new piece of text, never retracted.
        """
        ...

    def cancel(self, request_id: str) -> None:
        """Stop within two decode steps and end the future with Cancelled. Unknown ids are ignored."""
        ...

    def stop(self, drain_seconds: float = 0.0) -> None:
        """Take nothing new, finish what runs for at most so long, fail the rest with EngineStopping."""
        ...

    def health(self) -> Health: ...
