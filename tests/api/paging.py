"""Lists that come page by page, as a client reads them."""

from typing import Any

import httpx


def pages(client: httpx.Client, path: str, **wanted: Any) -> list[dict[str, Any]]:
    """All that is wanted of such a list, whose pages have it beside their `next_cursor`."""
    found, cursor = [], ""
    while cursor is not None:
        page = client.get(path, params={**wanted, "cursor": cursor}).json()
        cursor = page.pop("next_cursor")
        (part,) = page.values()
        found += part
    return found
