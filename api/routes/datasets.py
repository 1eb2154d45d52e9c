"""Datasets: ask for one by a plan or with rows, see what became of it, pause it, stop it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from api import body, declared, uploads, working
from api.deps import BEARER, TheBackends, Transacting
from api.rendering import Json
from api.takes import Why, takes
from mainspring.access import Caller
from mainspring.curation import excluded
from mainspring.curation.plan import CurationPlan, Upload
from mainspring.curation.requesting import request_dataset
from mainspring.errors import InvalidRequest
from mainspring.messages import Train
from mainspring.refresh.work_views import DatasetDetail, DatasetView, dataset_detail, dataset_view
from mainspring.tables import Dataset
from mainspring.terms import ADMIN

MOST = 100

router = APIRouter(prefix="/v1/datasets", tags=["datasets"], dependencies=[Security(BEARER)])
Words = Annotated[str | None, Query(max_length=200)]


class DatasetAsked(BaseModel):
    """`plan`: what it is gathered from, why that may be learned from, and how it is cleaned."""

    model_config = ConfigDict(extra="forbid", strict=True)

    deployment: Annotated[str, Field(min_length=1, max_length=63)]
    plan: CurationPlan


class Datasets(TypedDict):
    datasets: list[DatasetView]


class ExcludedView(TypedDict):
    step: str
    reason: str
    origin: str
    source: str


class Excluded(TypedDict):
    """`total`: how many there are in all."""

    total: int
    rows: list[ExcludedView]


def _takes() -> dict[str, Any]:
    """For OpenAPI: a plan, or the rows themselves."""
    found = takes(DatasetAsked)
    rows = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in uploads.FORMATS}
    found["requestBody"]["content"].update(rows)
    return found


@router.post("", status_code=202, response_model=DatasetView, openapi_extra=_takes())
async def ask(
    request: Request,
    backends: TheBackends,
    transact: Transacting,
    *,
    deployment: Annotated[str, Query(max_length=63, description="For rows: whose they are.")] = "",
    licence: Annotated[Words, Query(description="For rows: under which they may be used.")] = None,
    basis: Annotated[Words, Query(description="For rows: why they may be learned from.")] = None,
) -> Response:
    """Gather a dataset by a plan; or of the rows in the body (NDJSON, CSV, Parquet, text), which are kept as they came.

    What cannot become a row is set aside with its reason and line.
    """
    settings = backends.settings
    if uploads.media_type(request) in uploads.FORMATS:
        await transact(_allowed, deployment)
        path, kind = await uploads.kept(request, settings)
        upload = Upload(path=str(path.absolute()), format=kind, licence=licence, basis=basis)
        name, plan = deployment, CurationPlan(uploads=[upload])
    else:
        given = await body.read(request, settings.max_body_bytes, DatasetAsked)
        name, plan = given.deployment, given.plan

    def work(session: Session, caller: Caller) -> DatasetView:
        caller.require(ADMIN)
        found = declared.find(session, name)
        return dataset_view(request_dataset(session, found, plan, asked_by=f"key {caller.key_id}"))

    view = await transact(work)
    backends.nudger.send(Train(view["id"]))
    return Json(view, 202, {"Location": f"/v1/datasets/{view['id']}"})


@router.get("", response_model=Datasets)
async def list_datasets(
    transact: Transacting, deployment: Annotated[str | None, Query(max_length=63)] = None
) -> Response:
    """The newest hundred, newest first."""

    def work(session: Session, _: Caller) -> Datasets:
        newest = select(Dataset).order_by(Dataset.id.desc()).limit(MOST)
        if deployment is not None:
            newest = newest.where(Dataset.deployment == declared.find(session, deployment).name)
        return {"datasets": [dataset_view(one) for one in session.scalars(newest)]}

    return Json(await transact(work))


@router.get("/{dataset_id}", response_model=DatasetDetail)
async def look(dataset_id: str, transact: Transacting) -> Response:
    """With its plan and its card. These show examples: for keys of scope `admin`."""

    def work(session: Session, caller: Caller) -> DatasetDetail:
        caller.require(ADMIN)
        return dataset_detail(session, working.found(session, Dataset, dataset_id))

    return Json(await transact(work))


@router.get("/{dataset_id}/set-aside", response_model=Excluded)
async def set_aside(
    dataset_id: str,
    backends: TheBackends,
    transact: Transacting,
    first: Annotated[int, Query(ge=0, description="How many to leave out at the beginning.")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> Response:
    """Rows that are not in it: which step left each out, why, and where it was (file and line, or job). Without texts."""

    def work(session: Session, caller: Caller) -> Excluded:
        caller.require(ADMIN)
        dataset = working.found(session, Dataset, dataset_id)
        rows, total = excluded.read(backends.settings, dataset, first, limit)
        told: list[ExcludedView] = [
            {"step": one.step, "reason": one.reason, "origin": one.origin.value, "source": one.source}
            for one in rows
        ]
        return {"total": total, "rows": told}

    return Json(await transact(work))


@router.post("/{dataset_id}/{verb}", response_model=DatasetView, openapi_extra=takes(Why))
async def act(
    dataset_id: str, verb: str, request: Request, backends: TheBackends, transact: Transacting
) -> Response:
    """`pause`, `resume` or `cancel` it, with a reason for the log of events."""
    given = await body.read(request, backends.settings.max_body_bytes, Why)

    def work(session: Session, caller: Caller) -> DatasetView:
        return dataset_view(working.act(session, caller, (Dataset, dataset_id), verb, given.reason))

    view = await transact(work)
    working.nudge(backends, verb, view["id"])
    return Json(view)


def _allowed(session: Session, caller: Caller, name: str) -> None:
    """Before the rows are read."""
    caller.require(ADMIN)
    if not name:
        raise InvalidRequest(
            "nothing says whose rows these are", field="deployment", remedy="Ask with ?deployment=NAME."
        )
    declared.find(session, name)
