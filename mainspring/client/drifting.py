"""Drift as the clients speak of it: where each thing is, and the bodies of what is asked."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

Prompt = str | dict[str, Any]  # an input in plain text; or {input, parameters?, expected?} as the API has it


def of(deployment: str, *road: str) -> str:
    return "/".join(("/v1/deployments", *(quote(one, safe="") for one in (deployment, *road))))


def reading(texts: str | None) -> dict[str, str]:
    return {} if texts is None else {"texts": "true", "reason": texts}


def reference_body(
    reason: str, version: str | None, prompts: str | Iterable[Prompt] | None
) -> dict[str, Any]:
    """`prompts`: a stored set's name, or prompts; None: the latest traffic."""
    body: dict[str, Any] = {"reason": reason}
    if version is not None:
        body["version"] = version
    if isinstance(prompts, str):
        body["prompt_set"] = prompts
    elif prompts is not None:
        body["prompts"] = prompts_body(prompts)
    return body


def prompts_body(prompts: Iterable[Prompt]) -> list[dict[str, Any]]:
    return [{"input": one} if isinstance(one, str) else one for one in prompts]
