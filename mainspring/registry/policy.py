"""Whether a deployment's policy fits its task and itself."""

import re
from typing import Any

from mainspring.errors import InvalidRequest
from mainspring.tables import EngineName, Task

_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")


def check(task: Task, policy: dict[str, Any]) -> None:
    """Raises InvalidRequest, naming the field."""
    engine, url = policy.get("engine", EngineName.AUTO), policy.get("engine_url")
    if engine != EngineName.AUTO and task is not Task.TEXT_GENERATION:
        raise InvalidRequest(
            f"the engine `{engine}` does not serve {task.value}",
            field="policy.engine",
            remedy="Use `auto`, or the task text-generation.",
        )
    if (policy.get("traces") or {}).get("text") and policy.get("texts") is None:
        raise InvalidRequest(
            "traces cannot show text that is not kept",
            field="policy.traces.text",
            remedy="Keep it: `texts: {share: 0.01, days: 30}`; or leave `text` out.",
        )
    if url is None:
        return
    if engine != EngineName.VLLM:
        raise InvalidRequest(
            "only the engine `vllm` has an address",
            field="policy.engine_url",
            remedy="Set `engine` to `vllm`, or leave the address out.",
        )
    if _ADDRESS.fullmatch(url) is None or url.rstrip("/").endswith("/v1"):
        raise InvalidRequest(
            "this is not the address of an inference server",
            field="policy.engine_url",
            remedy="Send it as http://host:port, without /v1; its key goes into MAINSPRING_ENGINE_KEY.",
        )
