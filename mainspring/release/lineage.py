"""Where a version comes from: its dataset, its training run, the version that it began as, its tokenizer."""

from typing import Any

from mainspring.tables import Version


def lineage(version: Version) -> dict[str, Any]:
    """As JSON, beside the version's `source`, which names its recipe and its run. None: not known, or there is none."""
    source = version.source
    changes = source.get("base") if "base_digest" in source else None
    return {
        "parent": source.get("parent", changes),
        "dataset": version.dataset,
        "tokenizer": version.tokenizer,
        "bytes": version.bytes,
    }


def in_words(found: dict[str, Any]) -> dict[str, str]:
    """`found`: what lineage() gives and the `source`. By what it is; "-" where it is not known."""
    source = found["source"]
    recipe = source.get("recipe", "-")
    return {
        "made from": _origin(source, found["parent"]),
        "made by": recipe if "run" not in source else f"{recipe}, training run {source['run']}",
        "dataset": _dataset(found["dataset"]),
        "tokenizer": _tokenizer(found["tokenizer"]),
    }


def _origin(source: dict[str, Any], parent: str | None) -> str:
    """What it began as; of what was brought, where it was, and of an adapter both."""
    began = parent or source.get("base")
    brought = source.get("hub") or source.get("folder")
    if source.get("commit"):
        brought = f"{brought} at {source['commit'][:12]}"
    return f"{brought}, an adapter of {began}" if brought and began else str(brought or began or "-")


def _dataset(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    origin = "; ".join(f"{name} {_plain(value)}" for name, value in found["origin"].items())
    return f"{found['examples']:,} examples of {origin}, {found['digest'][:12]}"


def _tokenizer(found: dict[str, Any] | None) -> str:
    return "-" if found is None else f"{found['kind']}, {found['digest'][:12]}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} ({_plain(part)})" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
