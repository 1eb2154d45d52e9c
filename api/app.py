"""The application: `uvicorn --factory api.app:create`. Nothing happens at import."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from api import problems
from api.backends import opened
from api.log import RequestLog, without_texts
from api.meters import Meters
from api.parameters import refuse_bad_parameters
from api.requests import traced
from api.routes import (
    audit,
    bulk,
    datasets,
    deployments,
    drift,
    evaluations,
    events,
    feedback,
    figures,
    health,
    jobs,
    listing,
    metrics,
    prompts,
    refreshes,
    results,
    rollouts,
    sessions,
    submitting,
    tenancy,
    texts,
    training,
    versions,
    webhooks,
)
from mainspring import logs
from mainspring.garbage import keep_imports
from mainspring.metrics.exposed import registry
from mainspring.settings import Settings
from mainspring.tracing import opened as opened_road

DESCRIPTION = """
Keeps the language model that you serve current. Put a request on a deployment's queue with `POST /v1/jobs`, then
poll it, wait for it with `?wait=30`, or stream it from `/v1/jobs/{id}/events`. Every answer names its version.

Everything under `/v1` needs `Authorization: Bearer <key>`. Errors are RFC 9457 problem documents with a stable
`code`, the `field` that was wrong and the `remedy`.
"""


def create(settings: Settings | None = None) -> FastAPI:
    """Without settings this is a process's edge: the environment is read and logging begins.

    Raises StackError if traces are asked for and cannot be made.
    """
    if edge := settings is None:
        settings = Settings()
        logs.configure(settings.log_level, as_json=settings.log_json)
    given, shown, road = settings, registry(), opened_road(settings, "api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(given, road, shown) as backends:
            app.state.backends = backends
            if edge:
                keep_imports()
            yield

    app = FastAPI(
        title="Mainspring",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        dependencies=[Depends(refuse_bad_parameters)],
        telemetry=traced(road),
    )
    problems.install(app)
    app.add_middleware(RequestLog, meters=Meters(shown))
    logging.getLogger("uvicorn.error").addFilter(without_texts)
    for resource in (
        submitting,  # first, since routes are tried in this order
        health,
        metrics,
        bulk,
        listing,
        results,
        jobs,
        events,
        feedback,
        deployments,
        drift,
        figures,
        texts,
        rollouts,
        prompts,
        versions,
        sessions,
        training,
        datasets,
        evaluations,
        refreshes,
        tenancy,
        webhooks,
        audit,
    ):
        app.include_router(resource.router)
    return app
