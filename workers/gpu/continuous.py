"""transformers' continuous batching, and the only file that touches it: paged cache, prefix sharing, any architecture.

It knows token ids and nothing of text, jobs or futures. transformers calls this interface young, so what we
rely on is named here: synchronous batches without graphs (the sampler is plain Python in every step), its own
argmax (the sampler leaves one largest score), and `RequestState.logprobs`, which outlives an eviction.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessorList, PreTrainedConfig, PreTrainedModel
from transformers.generation.configuration_utils import ContinuousBatchingConfig
from transformers.generation.continuous_batching.cb_logits_processors import (
    ContinuousBatchingLogitsProcessor,
    ContinuousBatchingLogitsProcessorList,
)
from transformers.generation.continuous_batching.continuous_api import (
    ContinuousBatchingManager,
    OutputRouter,
)
from transformers.generation.continuous_batching.requests import (
    FutureRequestState,
    GenerationOutput,
    RequestState,
)
from transformers.generation.continuous_batching.utils import find_head_dim, find_num_key_value_heads

from workers.gpu.perplexity import Perplexity
from workers.gpu.progress import Deliver, Progress
from workers.gpu.sampling import Sampling, choose

PAGE_TOKENS = 16  # small pages: a short answer of a small model should not hold 256 positions
BATCH_TOKENS = 512  # of one step: every running request's one, the rest for prompts
_SPARE = 1.25  # the scheduler admits no prompt when less than 15% of the cache is free

# Its warnings quote the beginning of refused prompts; its errors quote nothing.
logging.getLogger("ContinuousBatchingLogger").setLevel(logging.ERROR)


def cache_tokens(config: PreTrainedConfig, dtype: torch.dtype, budget_bytes: int, wanted: int) -> int:
    """How many positions the cache holds: `wanted` and some spare, or what the budget affords; whole pages."""
    affordable = budget_bytes // token_bytes(config, dtype)
    return max(2, min(int(wanted * _SPARE), affordable) // PAGE_TOKENS) * PAGE_TOKENS


def token_bytes(config: PreTrainedConfig, dtype: torch.dtype) -> int:
    """Keys and values of one position in all layers."""
    width = find_num_key_value_heads(config) * find_head_dim(config)
    return int(2 * config.num_hidden_layers * width * dtype.itemsize)


def workspace_bytes(tokens: int, dtype: torch.dtype) -> int:
    """The mask and the index tensors that are allocated for the largest batch."""
    return (BATCH_TOKENS * dtype.itemsize + 8) * (tokens + BATCH_TOKENS)


class Loop:
    """A thread that decodes all requests in one batch, a step at a time.

    `deliver` is called from that thread after every step. `stepped` after every step, with or without tokens.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        tokens: int,
        slots: int,
        end_ids: set[int],
        deliver: Deliver,
        stepped: Callable[[], None],
    ) -> None:
        self._end_ids = sorted(end_ids) or [-1]
        generation = cast("Any", GenerationConfig)(
            do_sample=False, eos_token_id=self._end_ids, pad_token_id=0
        )
        config = ContinuousBatchingConfig(
            page_size=PAGE_TOKENS,
            num_blocks=tokens // PAGE_TOKENS,
            max_batch_tokens=BATCH_TOKENS,
            max_requests_per_batch=slots,
            max_blocks_per_request=0,
            use_async_batching=False,
            use_cuda_graph=False,
            auto_switch_to_flash=False,  # it would fetch kernels, which is code, from the hub
        )
        self._manager = _Manager(model, generation, config, deliver, stepped)

    @property
    def alive(self) -> bool:
        status = self._manager.background_thread_status
        return self._manager.is_running() and status.fatal_error is None

    @property
    def death(self) -> str:
        """What killed the loop, by name."""
        return type(self._manager.background_thread_status.fatal_error).__name__

    @property
    def cache_used(self) -> float:
        batch = self._manager.batch_processor
        return 0.0 if batch is None else 1 - batch.cache.compute_free_capacity()

    def start(self) -> None:
        """Allocates the cache here, so that what cannot be served fails now. Raises ValueError or RuntimeError."""
        with torch.no_grad():
            self._manager.prepare()
        self._manager.start()

    def add(self, key: str, ids: list[int], max_tokens: int, sampling: Sampling, scope: str = "") -> bool:  # noqa: ARG002
        """False: the loop is dead or stopping, and the request was not taken.

        transformers shares blocks of the cache among all requests, whatever their `scope`.
        """
        if not self.alive:
            return False
        return self._manager.ask(_Choosing(key, ids, sampling), max_tokens, self._end_ids)

    def cancel(self, key: str) -> None:
        """Takes effect before the next step; nothing more is delivered after that."""
        self._manager.cancel_request(key)

    def stop(self, seconds: float) -> bool:
        """Whether it ended in that time: a hung step cannot be interrupted, its thread ends with the process."""
        self._manager.stop(hard_stop=True, timeout=seconds)
        return not self._manager.is_running()


_SMALL_PARAMETERS = 5_000_000


class _Manager(ContinuousBatchingManager):
    def __init__(
        self,
        model: PreTrainedModel,
        generation: GenerationConfig,
        config: ContinuousBatchingConfig,
        deliver: Deliver,
        stepped: Callable[[], None],
    ) -> None:
        super().__init__(cast("Any", model), generation, config)
        sampler = _Sampler()
        self.output_router = _Router(deliver, sampler)
        self._stepped = stepped
        self._newcomers: deque[_Choosing] = deque()
        self._perplexity = Perplexity(self._read_alone, model.device)
        # The generation configuration's own processors would apply to every request: ours is the only one.
        self.logit_processor = ContinuousBatchingLogitsProcessorList(
            LogitsProcessorList([cast("Any", sampler)])
        )
        self.logit_processor.tensors_required = 1  # counted only for processors that were converted

    def ask(self, choosing: "_Choosing", max_tokens: int, end_ids: list[int]) -> bool:
        added = self.add_request(
            choosing.ids,
            request_id=choosing.key,
            max_new_tokens=max_tokens,
            streaming=True,
            eos_token_id=end_ids,
            choosing=choosing,
        )
        if added is not None:
            self._newcomers.append(choosing)
        return added is not None

    def prepare(self) -> None:
        self.batch_processor = self._create_batch_processor()

    def start(self) -> None:
        """As the original, but a daemon: a hung step must not keep the process alive."""
        self.background_thread_status.clear()
        thread = Thread(target=self._decode, name="decode", daemon=True)
        self._generation_thread = cast("Any", thread)
        thread.start()

    def _decode(self) -> None:
        # A decode step of a small model is many small operations. Shared between threads, each waits at its end for
        # the slowest, and on a busy machine that one is not even running: ten times slower was seen with 2 million
        # parameters. With 20 million two threads write 1.6 times as much as one.
        if sum(weight.numel() for weight in self.model.parameters()) < _SMALL_PARAMETERS:
            torch.set_num_threads(1)  # of this thread alone
        self._run_generation_loop()

    def _generation_step(self) -> None:
        self._measure_prompts()
        super()._generation_step()
        self._stepped()

    def _measure_prompts(self) -> None:
        newcomers = [self._newcomers.popleft() for _ in range(len(self._newcomers))]
        if self.model.config._attn_implementation.startswith("paged"):  # noqa: SLF001  it attends over pages alone
            return
        if newcomers:
            self._perplexity.draw(newcomers)
        self._perplexity.one()

    def _read_alone(self, ids: Tensor) -> Tensor:
        """As perplexity.Read: an ordinary pass, over no cache."""
        scores: Tensor = cast("Any", self.model)(input_ids=ids[None], use_cache=False).logits[0]
        return scores


@dataclass(eq=False)
class _Choosing:
    """How a request's tokens are chosen, and what is measured meanwhile, as in Progress."""

    key: str
    ids: list[int]
    sampling: Sampling
    entropy: float = 0.0
    prompt_logprob: float | None = None

    def __deepcopy__(self, _memo: object) -> "_Choosing":
        """Of a request that is evicted and begun again it stays the same."""
        return self


class _Router(OutputRouter):
    """One delivery a step, straight to the engine."""

    def __init__(self, deliver: Deliver, sampler: "_Sampler") -> None:
        super().__init__()
        self._deliver, self._sampler = deliver, sampler

    def deliver(self, output: GenerationOutput) -> None:
        self._deliver([self._progress(output)])

    def deliver_batch(self, outputs: list[GenerationOutput]) -> None:
        self._deliver([self._progress(output) for output in outputs])

    def _progress(self, output: GenerationOutput) -> Progress:
        failed = output.error is not None
        way = self._sampler.ways.get(output.request_id)
        return Progress(
            output.request_id,
            output.generated_tokens,
            output.logprobs,
            output.is_finished() and not failed,
            failed,
            way.entropy if way else 0.0,
            way.prompt_logprob if way else None,
        )


class _Sampler(ContinuousBatchingLogitsProcessor):
    """Chooses each row's token by its request's `Sampling` and raises it above all others.

    `ways`: of the requests that got a token in the last step, since an output has no place for what is measured.
    """

    supported_kwargs = {"choosing": _Choosing}  # noqa: RUF012  the base class declares it so
    ignored_kwargs = ()

    def __init__(self) -> None:
        self._states: list[RequestState] = []
        self.ways: dict[str, _Choosing] = {}

    def fill_defaults(self, int32_tensor: Tensor) -> None:
        int32_tensor.zero_()

    def prepare_tensor_args(self, requests_with_new_token: list[FutureRequestState]) -> Tensor:
        """Called before each step, in the order of its rows."""
        self._states = [request.state for request in requests_with_new_token]
        return torch.zeros(len(self._states), dtype=torch.int32)

    def __call__(self, scores: Tensor, tensor_arg: Tensor) -> Tensor:  # noqa: ARG002  the seam's signature
        states = self._states
        if not states:
            return scores
        ways: list[_Choosing] = [state.logit_processor_kwargs["choosing"] for state in states]
        positions = [len(state.initial_tokens) + len(state.generated_tokens) for state in states]
        choices, *numbers = choose(scores[: len(states)], [way.sampling for way in ways], positions)
        logprobs, entropies = torch.stack(numbers).tolist()
        for state, way, logprob, entropy in zip(states, ways, logprobs, entropies, strict=True):
            state.logprobs.append(logprob)
            way.entropy += entropy
        self.ways = {way.key: way for way in ways}
        scores[: len(states)].scatter_(1, choices.unsqueeze(1), torch.inf)
        return scores
