"""What is told of an MLflow that answers otherwise than it should, and how it is asked when it is locked."""

from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import ValidationError

from mainspring.errors import MirrorAway, MirrorRefused
from mainspring.mirror.mlflow import Mlflow
from mainspring.settings import Settings

LACKS = b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No experiment with the secret"}'
DENIED = b'{"error_code": "PERMISSION_DENIED", "message": "not with the secret"}'


class Odd(HTTPServer):
    """Says one thing to everybody, and keeps how it was asked."""

    def __init__(self, status: int, said: bytes) -> None:
        self.status, self.said, self.asked = status, said, {}
        super().__init__(("127.0.0.1", 0), Answer)
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    server: Odd

    def do_GET(self) -> None:
        self.server.asked = dict(self.headers)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.said)))
        self.end_headers()
        self.wfile.write(self.server.said)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """To nobody."""


@pytest.fixture
def odd(request: pytest.FixtureRequest) -> Iterator[Odd]:
    server = Odd(*request.param)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("odd", [(503, b"try later"), (429, b"{}")], indirect=True, ids=["503", "429"])
def test_one_that_is_coming_up_or_busy_is_away(odd: Odd) -> None:
    with Mlflow(f"http://127.0.0.1:{odd.server_port}") as mlflow, pytest.raises(MirrorAway):
        mlflow.experiment("mainspring")


@pytest.mark.parametrize(
    ("odd", "told"),
    [((200, b"<html>a page"), "no JSON"), ((200, b"[]"), "no JSON"), ((403, DENIED), "PERMISSION_DENIED")],
    indirect=["odd"],
    ids=["page", "list", "denied"],
)
def test_what_is_no_mlflow_or_says_no_is_told_without_its_words(odd: Odd, told: str) -> None:
    with (
        Mlflow(f"http://127.0.0.1:{odd.server_port}") as mlflow,
        pytest.raises(MirrorRefused, match=told) as refused,
    ):
        mlflow.experiment("mainspring")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("odd", [(403, DENIED)], indirect=True, ids=["denied"])
def test_so_are_traces_that_are_not_taken(odd: Odd) -> None:
    with Mlflow(f"http://127.0.0.1:{odd.server_port}/behind", token="t") as mlflow:
        with pytest.raises(MirrorRefused, match="PERMISSION_DENIED") as refused:
            mlflow.send_traces("7", {"resourceSpans": []})
        assert "secret" not in str(refused.value)
    assert (odd.asked["x-mlflow-experiment-id"], odd.asked["Authorization"]) == ("7", "Bearer t")


@pytest.mark.parametrize("odd", [(404, LACKS)], indirect=True, ids=["lacks"])
def test_who_we_are_is_said_as_the_url_or_the_token_has_it(odd: Odd) -> None:
    with Mlflow(f"http://ada:vault@127.0.0.1:{odd.server_port}/behind") as mlflow:
        assert mlflow.experiment("mainspring") is None
    assert odd.asked["Authorization"] == "Basic " + b64encode(b"ada:vault").decode()
    with Mlflow(f"http://127.0.0.1:{odd.server_port}/", token="t") as mlflow:
        assert mlflow.experiment("mainspring") is None
    assert odd.asked["Authorization"] == "Bearer t"


def test_a_setting_that_cannot_be_is_refused_at_the_start() -> None:
    for wrong in ({"mlflow_url": "localhost:5000"}, {"mlflow_prefix": "a/b"}):
        with pytest.raises(ValidationError):
            Settings(**wrong)
    assert "vault" not in repr(Settings(mlflow_url="http://ada:vault@mlflow:5000", mlflow_token="vault"))
