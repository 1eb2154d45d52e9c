"""What bodies hold, for OpenAPI and for routes: bodies are read by api/body.py, which FastAPI does not see."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.body import NDJSON

Reason = Annotated[str, Field(min_length=1, max_length=1000)]


class Why(BaseModel):
    """For the log of events."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = "asked for"


def takes(shape: type[BaseModel], line: type[BaseModel] | None = None) -> dict[str, Any]:
    """A route's `openapi_extra`. `line`: of NDJSON, where that is taken too."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    if line is not None:
        content[NDJSON] = {"schema": line.model_json_schema()}
    return {"requestBody": {"required": True, "content": content}}
