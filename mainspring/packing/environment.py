"""The settings of a package: as they are here, without secrets and without what belongs to this place."""

import shlex
from collections.abc import Iterator

from mainspring.settings import Settings

# What is said anew wherever the package is started, and why one would.
PLACE = {
    "home": "where the embedded servers and the store keep what they write",
    "host": "where the api listens",
    "port": "the api's",
    "database_url": "PostgreSQL; left out: an embedded one in the home",
    "redis_url": "Valkey or Redis; left out: an embedded one in the home",
    "store_url": "models that several machines share; left out: the home",
    "secret": "what webhooks' secrets are derived from; left out: made in the home",
    "text_keys": "needed where the policy keeps texts: mainspring texts --new-key prints one",
    "mlflow_url": "the MLflow that shows what is here",
    "mlflow_token": "its token",
    "otlp_endpoint": "where traces go",
    "engine_url": "an inference server that runs already",
    "engine_key": "its key",
}
# Of this machine, or of a command line.
_HERE = {
    "url", "api_key", "environment", "encoder", "vllm_command", "mlflow_command", "mlflow_port",
    "metrics_host", "metrics_port", "metrics_name", "worker_memory_bytes", "min_free_bytes",
}  # fmt: skip


def carried(settings: Settings) -> dict[str, str]:
    """By the names that the environment has: what is said here and is not the default."""
    said = settings.model_dump(mode="json", exclude=_HERE | PLACE.keys())
    usual = {name: field.default for name, field in Settings.model_fields.items()}
    return {_name(name): _text(value) for name, value in said.items() if value != usual[name]}


def as_file(settings: Settings) -> str:
    """For `docker run --env-file`: what is carried, and as comments what may be said besides."""
    return "".join(f"{line}\n" for line in _lines(settings))


def as_script(settings: Settings) -> str:
    """Lines of a shell that set what is carried, unless whoever starts it has set it."""
    return "".join(
        f'[ -n "${{{name}+x}}" ] || export {name}={shlex.quote(value)}\n'
        for name, value in carried(settings).items()
    )


def _lines(settings: Settings) -> Iterator[str]:
    yield "# As it was where this was packed."
    yield from (f"{name}={value}" for name, value in carried(settings).items())
    yield "# To be said where it is started. Secrets are not packed."
    yield from (f"# {_name(name)}: {why}" for name, why in PLACE.items())


def _name(name: str) -> str:
    return f"MAINSPRING_{name.upper()}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
