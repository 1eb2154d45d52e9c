"""A message as a Celery worker reads it from its Redis list, without Celery: its own publisher costs thirty times more,
and every accepted job needs one.

Celery's message protocol 2 (docs.celeryq.dev, "Message Protocol") inside the envelope of kombu's Redis transport.
`tests/api/test_nudges.py` holds it to what Celery itself would have put there.
"""

from base64 import b64encode
from random import getrandbits

import orjson

from mainspring.identifiers import uuid7
from mainspring.messages import Message

_NO_CALLS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def envelope(message: Message) -> bytes:
    """JSON. The arguments are ids; what Celery would repeat of them for logs is left empty."""
    # Nobody trusts these ids, so they need not ask the system for randomness.
    task_id, body = str(uuid7(randbits=getrandbits)), orjson.dumps([[], message.kwargs(), _NO_CALLS])
    return orjson.dumps(
        {
            "body": b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": message.name,
                "id": task_id,
                "root_id": task_id,
                "parent_id": None,
                "group": None,
                "group_index": None,
                "shadow": None,
                "eta": None,
                "expires": None,
                "retries": 0,
                "timelimit": [None, None],
                "argsrepr": "",
                "kwargsrepr": "",
                "origin": "api",
                "ignore_result": True,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
            },
            "properties": {
                "correlation_id": task_id,
                "reply_to": "",
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": message.queue},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": task_id,
            },
        }
    )
