"""What no database can hold is refused in a path or a query, for all routes, before any of them sees it."""

import re
from itertools import chain

from fastapi import Request

from mainspring.errors import InvalidRequest

_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")


async def refuse_bad_parameters(request: Request) -> None:
    """For NUL and lone surrogates. Raises InvalidRequest with the parameter's name."""
    for name, value in chain(request.path_params.items(), request.query_params.multi_items()):
        if _BAD_CHARACTER.search(str(value)) is not None:
            raise InvalidRequest(
                "the text holds NUL or a lone surrogate",
                field=_BAD_CHARACTER.sub("\ufffd", name),
                remedy="Send well-formed Unicode without NUL, percent-encoded as UTF-8.",
            )
