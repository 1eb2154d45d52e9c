"""Requests of MLflow's REST API 2.0: https://mlflow.org/docs/latest/api_reference/rest-api.html."""

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
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/2.0/mlflow/",
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

    def _ask(self, method: str, path: str, **asked: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **asked)
        except httpx.HTTPError as error:
            raise MirrorAway(f"MLflow does not answer ({type(error).__name__})") from error
        if response.status_code in _AWAY:
            raise MirrorAway(f"MLflow does not answer (HTTP {response.status_code})")
        try:
            said = response.json()
        except ValueError:  # whatever answers there is no MLflow
            said = None
        if response.is_success and isinstance(said, dict):
            return said
        code = said.get("error_code", "") if isinstance(said, dict) else "no JSON"
        raise MirrorRefused(
            f"{path}: HTTP {response.status_code} {code}", lacks=code == "RESOURCE_DOES_NOT_EXIST"
        )
