"""Requests of MLflow's REST API 2.0: https://mlflow.org/docs/latest/api_reference/rest-api.html."""

from collections.abc import Mapping
from typing import Any

import httpx

from mainspring.errors import MirrorAway, MirrorRefused

CONNECT_SECONDS, SECONDS = 2.0, 5.0
_AWAY = (408, 429, 502, 503, 504)


class Rest:
    """Of an error only its code is kept: its text may repeat what was sent.

    All raise MirrorAway when nobody answers, MirrorRefused when the answer is no.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self._url}/api/2.0/mlflow/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def find(self, path: str, **asked: Any) -> dict[str, Any] | None:
        """None: there is no such thing."""
        try:
            return self.get(path, **asked)
        except MirrorRefused as refused:
            if refused.lacks:
                return None
            raise

    def get(self, path: str, **asked: Any) -> dict[str, Any]:
        return self._ask("GET", path, params=asked)

    def post(self, path: str, **asked: Any) -> dict[str, Any]:
        return self._ask("POST", path, json=asked)

    def delete(self, path: str, **asked: Any) -> dict[str, Any]:
        return self._ask("DELETE", path, json=asked)

    def export(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """To a path beside the API, such as OTLP's; what is answered is not read."""
        response = self._answer("POST", f"{self._url}/{path}", json=body, headers=headers)
        if not response.is_success:
            raise _refused(path, response)

    def _ask(self, method: str, path: str, **asked: Any) -> dict[str, Any]:
        response = self._answer(method, path, **asked)
        said = _json(response)
        if response.is_success and isinstance(said, dict):
            return said
        raise _refused(path, response)

    def _answer(self, method: str, path: str, **asked: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **asked)
        except httpx.HTTPError as error:
            raise MirrorAway(f"MLflow does not answer ({type(error).__name__})") from error
        if response.status_code in _AWAY:
            raise MirrorAway(f"MLflow does not answer (HTTP {response.status_code})")
        return response


def _json(response: httpx.Response) -> Any:
    """None: whatever answers there is no MLflow."""
    try:
        return response.json()
    except ValueError:
        return None


def _refused(path: str, response: httpx.Response) -> MirrorRefused:
    said = _json(response)
    code = said.get("error_code", "") if isinstance(said, dict) else "no JSON"
    return MirrorRefused(
        f"{path}: HTTP {response.status_code} {code}", lacks=code == "RESOURCE_DOES_NOT_EXIST"
    )
