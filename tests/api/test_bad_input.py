"""What is wrong with a request is said in one shape: status, a stable code, the field, the remedy. Never a 500."""

import socket
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from mainspring.tables import Database
from tests.api.bad_bodies import BODIES, NAMES, WRONG_TYPES, asks, job
from tests.api.serving import Served, produce


@pytest.fixture
def every_task(database: Database) -> dict[str, UUID]:
    return {name: produce(database, name, task) for task, name in NAMES.items()}


def check(answer: httpx.Response, status: int, code: str, field: str | None) -> None:
    body = answer.json()
    assert (answer.status_code, body["code"], body.get("field")) == (status, code, field), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:mainspring:error:{code}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["remedy"]


def post(client: httpx.Client, body: str | bytes, **headers: str) -> httpx.Response:
    content = body.encode() if isinstance(body, str) else body
    return client.post("/v1/jobs", content=content, headers={"Content-Type": "application/json", **headers})


def test_bodies(client: httpx.Client, every_task: dict[str, UUID]) -> None:
    for name, (body, status, code, field) in BODIES.items():
        answer = post(client, body)
        try:
            check(answer, status, code, field)
        except AssertionError as error:
            raise AssertionError(name) from error


@pytest.mark.usefixtures("every_task")
def test_inputs_of_a_wrong_type_for_every_task(client: httpx.Client) -> None:
    for name, given in WRONG_TYPES:
        check(post(client, asks(name, given)), 422, "invalid_request", "input")


@pytest.mark.usefixtures("assistant")
def test_where_the_json_is_wrong(client: httpx.Client) -> None:
    assert "line 2, column 9" in post(client, '{"a": 1,\n "b": 2 x}').json()["detail"]
    assert "line 2, column 3" in post(client, b'{"a":\n "\xff"}').json()["detail"]
    assert (
        "line 3, column 68" in post(client, "{\n\n" + '"a":' + "[" * 300 + "]" * 300 + "}").json()["detail"]
    )


@pytest.mark.usefixtures("assistant")
def test_a_body_without_a_length_is_bounded_as_it_arrives(client: httpx.Client) -> None:
    sent = 0

    def endless() -> Any:
        nonlocal sent
        while sent < 50_000_000:
            sent += 65536
            yield b" " * 65536

    try:
        answer = client.post("/v1/jobs", content=endless(), headers={"Content-Type": "application/json"})
    except httpx.TransportError:
        return  # the server hung up on us, which is as good
    check(answer, 413, "body_too_large", "body")


@pytest.mark.usefixtures("assistant")
def test_other_media_types(client: httpx.Client) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = post(client, job(), **{"Content-Type": media_type})
        check(answer, 415, "unsupported_media_type", "Content-Type")
    assert post(client, job(), **{"Content-Type": "application/json; charset=utf-8"}).status_code == 202


@pytest.mark.usefixtures("assistant")
def test_idempotency_keys(client: httpx.Client) -> None:
    for given in ("", "a b", "x" * 256, "tab\tkey", "k\xe9y"):
        answer = client.post(
            "/v1/jobs",
            content=job(),
            headers=[(b"Content-Type", b"application/json"), (b"Idempotency-Key", given.encode("latin-1"))],
        )
        check(answer, 422, "invalid_request", "Idempotency-Key")
    assert post(client, job(), **{"Idempotency-Key": "x" * 255}).status_code == 202
    answer = post(client, job(metadata={"other": "body"}), **{"Idempotency-Key": "x" * 255})
    check(answer, 409, "idempotency_conflict", "Idempotency-Key")


KEYS = [
    None,
    "",
    "Bearer",
    "Basic dXNlcjpwYXNz",
    "Bearer ms_00000000_nothing",
    "Bearer not-one-of-ours",
    "Bearer ms_\xff_x",
    "Bearer ms__",
    "Bearer " + "x" * 4000,
]


@pytest.mark.usefixtures("assistant")
def test_keys(served: Served, key: str) -> None:
    for given in [*KEYS, f"Bearer {key}x", f"Bearer {key[:-1]}", f"Token {key}"]:
        headers = {} if given is None else {b"Authorization": given.encode("latin-1")}
        answer = httpx.get(f"{served.url}/v1/jobs/{uuid4()}", headers=headers)
        check(answer, 401, "unauthenticated", "Authorization")
        assert answer.headers["www-authenticate"] == "Bearer"


PATHS = [
    ("GET", "/v1/jobs/x", 404, "unknown_job"),
    ("GET", "/v1/jobs/%00", 422, "invalid_request"),
    ("GET", "/v1/jobs/%ED%A0%80", 404, "unknown_job"),
    ("GET", "/v1/jobs/%FF/events", 404, "unknown_job"),
    ("POST", "/v1/jobs/%7B01890000-0000-7000-8000-000000000000%7D/cancel", 404, "unknown_job"),
    ("GET", "/v1/jobs/urn:uuid:01890000-0000-7000-8000-000000000000", 404, "unknown_job"),
    ("GET", "/v1/deployments/%00", 422, "invalid_request"),
    ("GET", "/v1/deployments/%ED%A0%80/versions", 404, "unknown_deployment"),
    ("GET", "/v1/deployments/nobody/training-runs", 404, "unknown_deployment"),
    ("GET", "/v1/training-runs/%00", 422, "invalid_request"),
    ("GET", "/v1/nothing", 404, "not_found"),
    ("GET", "/v1/jobs/", 404, "not_found"),
    ("GET", "/%00", 404, "not_found"),
    ("DELETE", "/v1/jobs", 405, "method_not_allowed"),
    ("PATCH", "/v1/deployments/assistant", 405, "method_not_allowed"),
]


@pytest.mark.usefixtures("assistant")
@pytest.mark.parametrize(("method", "path", "status", "code"), PATHS)
def test_paths(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    body = client.request(method, path).json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["remedy"]


NUL = [
    ("GET", "/v1/jobs?deployment=%00", "deployment"),
    ("GET", "/v1/jobs?session=a%00b", "session"),
    ("GET", "/v1/jobs?state=%00", "state"),
    ("GET", "/v1/jobs?cursor=%00", "cursor"),
    ("GET", "/v1/jobs?nothing=%00", "nothing"),
    ("GET", "/v1/jobs/%00", "job_id"),
    ("GET", "/v1/jobs/%00/events", "job_id"),
    ("POST", "/v1/jobs/%00/cancel", "job_id"),
    ("GET", "/v1/events?about=%00", "about"),
    ("GET", "/v1/events?kind=%00", "kind"),
    ("GET", "/v1/keys?tenant=%00", "tenant"),
    ("PUT", "/v1/tenants/%00", "name"),
    ("DELETE", "/v1/keys/%00", "key_id"),
    ("DELETE", "/v1/deployments/assistant/sessions/%00", "session"),
    ("DELETE", "/v1/deployments/%00/sessions/x", "name"),
    ("DELETE", "/v1/deployments/%00", "name"),
    ("DELETE", "/v1/deployments/assistant?reason=%00", "reason"),
    ("GET", "/v1/deployments/assistant/prompts/%00", "called"),
    ("GET", "/v1/deployments/assistant/compare?a=%00&b=assistant@1", "a"),
    ("GET", "/v1/deployments/assistant/compare?a=assistant@1&b=assistant@1&prompts=%00", "prompts"),
    ("GET", "/v1/versions/assistant@1%00", "label"),
    ("GET", "/v1/rollouts/%00", "rollout_id"),
]


@pytest.mark.usefixtures("assistant")
def test_nul_in_a_path_or_a_query_names_the_parameter(client: httpx.Client) -> None:
    for method, path, field in NUL:
        try:
            answer = client.request(method, path, json={} if method == "PUT" else None)
            check(answer, 422, "invalid_request", field)
        except AssertionError as error:
            raise AssertionError(path) from error


@pytest.mark.usefixtures("assistant")
def test_text_that_is_no_unicode_finds_nothing(client: httpx.Client) -> None:
    """Lone surrogates and broken bytes in UTF-8 are read as the character that stands for what cannot be read."""
    for broken in ("%ED%A0%80", "%FF"):
        for name in ("deployment", "session"):
            assert client.get(f"/v1/jobs?{name}={broken}").json()["jobs"] == []
        assert client.get(f"/v1/events?about={broken}").json()["events"] == []
        gone = client.delete(f"/v1/deployments/assistant/sessions/{broken}")
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_session")


@pytest.mark.usefixtures("assistant")
def test_query_parameters_that_cannot_be(client: httpx.Client) -> None:
    for path, field in (
        ("/v1/events?limit=0", "limit"),
        ("/v1/events?cursor=x", "cursor"),
        (f"/v1/events?cursor={2**63}", "cursor"),
        ("/v1/events?about=" + "x" * 201, "about"),
        ("/v1/keys?tenant=" + "x" * 129, "tenant"),
        ("/v1/deployments/assistant/compare?a=assistant@1", "b"),
    ):
        check(client.get(path), 422, "invalid_request", field)
    assert client.get("/v1/events", params={"cursor": 2**63 - 1}).status_code == 200


@pytest.mark.parametrize(
    "line",
    [
        b"GET /v1/jobs/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ms_\0_x\r\n",
        b"GET /v1/jobs/\0 HTTP/1.1\r\nHost: x\r\n",
        b"GET /v1/jobs/\xed\xa0\x80 HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \0\r\nContent-Length: 0\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nIdempotency-Key: \r\nContent-Length: 0\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 30 + b"\r\n",
    ],
)
def test_bytes_that_no_client_library_sends(served: Served, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as wire:
        wire.sendall(line + b"Connection: close\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 4")


@pytest.mark.usefixtures("assistant")
def test_waits(client: httpx.Client) -> None:
    job_id = post(client, job()).json()["id"]
    for given in ("x", "-1", "60.1", "nan", "inf", "1e1", "1_0", "", "٣", "\0"):
        answer = client.get(f"/v1/jobs/{job_id}", params={"wait": given})
        check(answer, 422, "invalid_request", "wait")


def test_deployments(client: httpx.Client, every_task: dict[str, UUID]) -> None:
    cases: list[tuple[str, Any, int, str, str]] = [
        ("new", {}, 422, "invalid_request", "task"),
        ("new", {"task": "poetry"}, 422, "invalid_request", "task"),
        (
            "new",
            {"task": "fill-mask", "policy": {"queue_bound": 0}},
            422,
            "invalid_request",
            "policy.queue_bound",
        ),
        (
            "new",
            {"task": "fill-mask", "policy": {"queue_bound": "9"}},
            422,
            "invalid_request",
            "policy.queue_bound",
        ),
        (
            "new",
            {"task": "fill-mask", "policy": {"kindness": 9}},
            422,
            "unknown_parameter",
            "policy.kindness",
        ),
        ("new", {"task": "fill-mask", "extra": 1}, 422, "unknown_parameter", "extra"),
        ("New", {"task": "fill-mask"}, 422, "invalid_request", "name"),
        ("a%00", {"task": "fill-mask"}, 422, "invalid_request", "name"),
        ("a" * 64, {"task": "fill-mask"}, 422, "invalid_request", "name"),
        ("mask", {"task": "text-generation"}, 409, "conflict", "task"),
    ]
    for name, body, status, code, field in cases:
        check(client.put(f"/v1/deployments/{name}", json=body), status, code, field)
    check(client.post("/v1/deployments/mask/versions", json={}), 422, "invalid_request", "model")
    check(
        client.post("/v1/deployments/nobody/versions", json={"model": "x"}),
        404,
        "unknown_deployment",
        "deployment",
    )
