"""Rows that came in a request's body: kept as a file under the digest of its bytes, for the train worker to read."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Literal

from anyio import to_thread
from fastapi import Request

from api.problems import UnsupportedMediaType
from mainspring.errors import BodyTooLarge, InvalidRequest
from mainspring.settings import Settings

Format = Literal["jsonl", "csv", "text", "parquet"]
FORMATS: dict[str, Format] = {
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
    "text/plain": "text",
    "application/vnd.apache.parquet": "parquet",
}


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


async def kept(request: Request, settings: Settings) -> tuple[Path, Format]:
    """Where it is. Raises UnsupportedMediaType, BodyTooLarge, and InvalidRequest for a body of nothing."""
    kind = FORMATS.get(media_type(request))
    if kind is None:
        raise UnsupportedMediaType(
            "the body is declared as something that holds no rows",
            field="Content-Type",
            remedy=f"Send one of: {', '.join(FORMATS)}; or a plan as application/json.",
        )
    declared = request.headers.get("content-length", "")
    _refuse_large(int(declared[:20]) if declared.isdecimal() else 0, settings)
    part = _Part(settings.home / "uploads")
    try:
        async for chunk in request.stream():
            await to_thread.run_sync(part.write, chunk)
            _refuse_large(part.size, settings)
        if part.size == 0:
            raise InvalidRequest("the body is empty", field="body", remedy="Send a row a line.")
        return await to_thread.run_sync(part.keep, kind), kind
    finally:
        part.drop()


class _Part:
    """A file that is being written; it has its name once it is whole."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        self._file, self._path = os.fdopen(handle, "wb"), Path(name)
        self._digest, self.size = hashlib.sha256(), 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._digest.update(chunk)
        self._file.write(chunk)

    def keep(self, suffix: str) -> Path:
        self._file.close()
        self._path.chmod(0o644)  # the train worker may be another user
        return self._path.rename(self._path.with_name(f"{self._digest.hexdigest()}.{suffix}"))

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _refuse_large(size: int, settings: Settings) -> None:
    if size > settings.max_upload_bytes:
        raise BodyTooLarge(
            f"the body exceeds {settings.max_upload_bytes} bytes",
            field="body",
            remedy="Put the file where the train worker sees it and name its path: {plan: {uploads: [{path: …}]}}.",
        )
