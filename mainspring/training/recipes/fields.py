"""What recipes have in common: how long and how they learn, by which weights, and what they are reminded of."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^\x00]+$")]
ModuleName = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Modules = Annotated[list[ModuleName], Field(min_length=1, max_length=100)]
Rate = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Steps = Annotated[int, Field(ge=1, le=10_000_000)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
CandidateName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,39}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Lora(Strict):
    """Two small matrices beside layers are trained, and the weights stay as they are (Hu et al., 2021).

    `alpha`: twice the rank when it is not given. `targets`: names of layers, by default all linear ones but the head.
    `merge`: added to the weights in the end, as every engine serves them at full speed; false: kept beside them, as
    an adapter on the version that `base` is.
    """

    rank: Annotated[int, Field(ge=1, le=1024)] = 16
    alpha: Annotated[int, Field(ge=1, le=4096)] | None = None
    targets: Annotated[list[Text], Field(min_length=1, max_length=100)] | None = None
    merge: bool = True


class Replay(Strict):
    """Against forgetting: `share` of the examples are of an earlier dataset, the same ones for the same seed.

    About 5% is enough where what is new is near to what is old (Ibrahim et al., 2024).
    """

    dataset: Digest
    share: Annotated[float, Field(gt=0, lt=1)] = 0.05


class Learning(Strict):
    """`block_length`: tokens that are read at once. `batch_size`: examples a step, in `accumulation_steps` parts.

    With `evaluate_steps` what was held out is looked at that often, and with `patience` it ends after so many looks
    without a better one. `decay`: of the learning rate, over all steps or over the last of them alone.

    `candidates`: what each of several has instead, such as another base, rank or rate; then `steps` are for all of them
    together, and the best is made (see candidates.py).
    """

    steps: Steps = 200
    learning_rate: Rate | None = None
    block_length: Annotated[int, Field(ge=8, le=131_072)] = 512
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 16
    accumulation_steps: Annotated[int, Field(ge=1, le=4096)] = 1
    warmup_steps: Annotated[int, Field(ge=0)] | None = None
    decay: Literal["cosine", "wsd"] = "cosine"
    evaluate_steps: Steps | None = None
    patience: Annotated[int, Field(ge=1, le=10_000)] | None = None
    checkpoint_steps: Annotated[int, Field(ge=1)] = 100
    seed: Seed = 0
    lora: Lora | None = None
    replay: Replay | None = None
    candidates: Annotated[dict[CandidateName, dict[str, Any]], Field(min_length=2, max_length=64)] | None = (
        None
    )
