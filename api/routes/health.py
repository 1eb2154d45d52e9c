"""Is the process alive, and can it serve? No key needed."""

import anyio
from anyio import to_thread
from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse
from redis.exceptions import RedisError
from sqlalchemy import inspect, text

from api.backends import Backends
from api.deps import TheBackends
from api.problems import DATABASE_AWAY, Unavailable, problem
from api.rendering import Json
from mainspring.tables import Database, Job

router = APIRouter(tags=["health"])
REDIS_SECONDS = 2.5


@router.get("/", include_in_schema=False)
async def root() -> Response:
    return RedirectResponse("/docs")


@router.get("/healthz")
async def healthz() -> Response:
    """200 for as long as the process lives."""
    return Json({"status": "ok"})


@router.get("/readyz", responses={503: {"description": "`missing` says which parts are not there."}})
async def readyz(backends: TheBackends) -> Response:
    """200 when PostgreSQL and Redis answer and the schema is there."""
    missing = await to_thread.run_sync(_database_lacks, backends.database, limiter=backends.limiter)
    if not await _redis_answers(backends):
        missing.append("redis")
    if missing:
        error = Unavailable(
            f"not there: {', '.join(missing)}", remedy="Start what is missing; `mainspring doctor` explains."
        )
        return problem(error, extensions={"missing": missing})
    return Json({"status": "ready"})


def _database_lacks(database: Database) -> list[str]:
    try:
        with database.engine.connect() as connection:
            connection.execute(text("select 1"))
            return [] if inspect(connection).has_table(Job.__tablename__) else ["schema"]
    except DATABASE_AWAY:
        return ["postgres"]


async def _redis_answers(backends: Backends) -> bool:
    try:
        with anyio.fail_after(REDIS_SECONDS):
            await backends.redis.ping()
    except (RedisError, OSError):
        return False
    return True
