"""Structured logs on standard error: ids and durations, never a prompt, an answer or an exception's text."""

import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import orjson
import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger()


def configure(level: str, *, as_json: bool) -> None:
    """Call once at a process's edge. Other libraries' records come through logging, as warnings and worse."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    # Ours are written at once, not through logging: a line a request must not cost more than the request.
    if as_json:
        renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(serializer=_text)
        written: structlog.typing.Processor = structlog.processors.JSONRenderer(serializer=_bytes)
        factory: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
    else:
        renderer = written = structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
        factory = structlog.WriteLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, written],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "urllib3", "kombu", "celery", "transformers", "amqp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its record of a failed task carries the exception's text, which may hold a piece of a prompt: see BaseTask.
    logging.getLogger("celery.app.trace").setLevel(logging.CRITICAL)


def places(error: BaseException, most: int = 8) -> str:
    """The end of its traceback, innermost first, without any text: that could hold a prompt."""
    frames = traceback.extract_tb(error.__traceback__)[-most:]
    return " < ".join(
        f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})" for frame in reversed(frames)
    )


def _text(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str).decode()


def _bytes(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
