"""The Python client: the verbs of the HTTP API, light (no torch, no server), plain or asynchronous.

client = Client("http://127.0.0.1:8000", key)
job = client.submit("assistant", "What is a list?")
print(client.result(job["id"])["output"]["text"])
"""

from mainspring.client.asynchronous import AsyncClient
from mainspring.client.sync import Client
from mainspring.client.wire import Refused

__all__ = ["AsyncClient", "Client", "Refused"]
