"""A short model card beside the weights, with the licence of the base where it states one."""

from pathlib import Path

from mainspring.registry.folder import licence


def write_card(folder: Path, recipe: str, base: str | None, measures: dict[str, float]) -> None:
    stated = licence(Path(base)) if base else None
    front = f"---\nlicense: {stated}\n---\n" if stated else ""
    lines = [
        f"- {name}: {value:.4g}" for name, value in sorted(measures.items()) if name != "training_seconds"
    ]
    text = f"{front}# Made by Mainspring\n\nRecipe: {recipe}. Measured on held-out text:\n\n"
    (folder / "README.md").write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
