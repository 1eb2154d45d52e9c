"""What a dataset is to be gathered from, why that may be learned from, and what is done to it on the way."""

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mainspring.errors import InvalidRequest, UnknownParameter

Path = Annotated[str, Field(min_length=1, max_length=4096, pattern="^[^\x00]+$")]
Words = Annotated[str, Field(min_length=1, max_length=200)]
ModuleName = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Modules = Annotated[list[ModuleName], Field(min_length=1, max_length=100)]
Label = Annotated[str, Field(min_length=1, max_length=256)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(gt=0, le=1)]
Days = Annotated[float, Field(gt=0, le=3650)]
Many = Annotated[int, Field(ge=1, le=10_000_000)]
Basis = Literal["consent", "contract", "legitimate-interest", "legal-obligation", "public-interest"]
"""As Article 6 of the GDPR has them. Of `consent` a job has to say that it was given; of the others, that it was not."""

CONSENT = "consent"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Traffic(_Strict):
    """What was asked of the deployment, of the last `days`; the newest `most`."""

    basis: Basis
    days: Days | None = None
    most: Many | None = None


class Feedback(_Strict):
    """Corrections, ratings and labels that were given in the last `days`."""

    basis: Basis
    days: Days | None = None


class Upload(_Strict):
    """A file, or a folder of them, on the train worker's machine. `format`: when it is not given, the file's name says it."""

    path: Path
    licence: Words | None = None
    basis: Words | None = None
    format: Literal["jsonl", "parquet", "csv", "text"] | None = None


class Library(_Strict):
    """Documents of which those `nearest` to what is asked are learned from, and no others."""

    docstrings: Modules | None = None
    folder: Path | None = None
    nearest: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    licence: Words | None = None

    @model_validator(mode="after")
    def holds_something(self) -> Self:
        if self.docstrings is None and self.folder is None:
            raise ValueError("a library is `docstrings`, a `folder`, or both")
        return self


class Replay(_Strict):
    """So large a part of what an earlier dataset trained with, so that it is not forgotten; likewise of its held-out rows."""

    dataset: Digest
    share: Share


class CurationPlan(_Strict):
    """`since`: of the traffic, and of what a library is near to, only what was asked since then.

    `evaluation`: digests of the deployment's earlier datasets. What they held out trains nobody; what they trained with
    measures nobody. The stored sets of prompts train nobody either.

    `languages`: only these, by ISO 639. `pii`: `patterns` finds addresses, numbers and accounts; `names` persons, too, which
    takes milliseconds a row and replaces other words as well. `near_duplicates` and `semantic_duplicates`: from which Jaccard index of their 5-grams, or
    which cosine of their word vectors, two rows count as one; null: not looked for. `most_per_label`: of a larger label some
    are left out, on both sides.

    Refused: fewer than `least` rows, or more than `most_set_aside` of those found are unreadable or rubbish.
    """

    traffic: Traffic | None = None
    feedback: Feedback | None = None
    uploads: Annotated[list[Upload], Field(max_length=100)] = []
    docstrings: Modules | Annotated[dict[Label, Modules], Field(min_length=1, max_length=1000)] | None = None
    library: Library | None = None
    replay: Annotated[list[Replay], Field(max_length=20)] = []

    since: Annotated[AwareDatetime, Field(strict=False)] | None = None
    evaluation: Annotated[list[Digest], Field(max_length=100)] = []

    languages: Annotated[list[Annotated[str, Field(pattern="^[a-z]{2,3}$")]], Field(min_length=1)] | None = (
        None
    )
    quality: bool = True
    pii: Literal["patterns", "names", "off"] = "patterns"
    near_duplicates: Annotated[float, Field(ge=0.5, le=1)] | None = 0.7
    semantic_duplicates: Annotated[float, Field(ge=0.5, le=1)] | None = None
    most_per_label: Many | None = None
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    least: Annotated[int, Field(ge=2, le=10_000_000)] = 20
    most_set_aside: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def has_a_source(self) -> Self:
        if not any((self.traffic, self.feedback, self.uploads, self.docstrings, self.library, self.replay)):
            raise ValueError(
                "it has no source: traffic, feedback, uploads, docstrings, library or replay is needed"
            )
        return self


def curation_plan(given: dict[str, Any], field: str = "curate") -> CurationPlan:
    """As a request or a row carries it. Raises InvalidRequest or UnknownParameter, naming the field below `field`."""
    try:
        return CurationPlan.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([field, *map(str, first["loc"])])
        wrong = UnknownParameter if first["type"] == "extra_forbidden" else InvalidRequest
        raise wrong(first["msg"], field=place, remedy="See docs/guides for what a plan may say.") from None
