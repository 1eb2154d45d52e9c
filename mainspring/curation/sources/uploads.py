"""Files that somebody gave: one, or a folder of them. What cannot become a row is set aside with its line."""

from collections.abc import Iterator
from pathlib import Path

from mainspring.curation.found import Found, SetAside
from mainspring.curation.plan import Upload
from mainspring.curation.rows import Origin
from mainspring.curation.sources import shapes
from mainspring.curation.sources.reading import SUFFIXES, Unreadable, records
from mainspring.errors import DatasetRefused

FILE, ROW = "file", "read"  # the steps: of a whole file, of a row


def rows(upload: Upload, field: str, *, path_field: str = "path") -> Iterator[Found]:
    """Of a folder, in the order of the files' names. Raises DatasetRefused if there is no such file."""
    root = Path(upload.path)
    if root.is_file():
        kind = upload.format or SUFFIXES.get(root.suffix.lower())
        if kind is None:
            raise DatasetRefused(
                f"nothing says what kind of file {root.name} is",
                field=f"{field}.format",
                remedy=f"Say `format`: jsonl, parquet, csv or text; or name it {', '.join(SUFFIXES)}.",
            )
        yield from _of_file(root, root.name, kind, Origin.UPLOAD, upload)
    elif root.is_dir():
        yield from _of_folder(root, upload)
    else:
        raise DatasetRefused(
            f"there is no file {root.name}",
            field=f"{field}.{path_field}",
            remedy="Give a file or a folder on the train worker's machine.",
        )


def _of_folder(root: Path, upload: Upload) -> Iterator[Found]:
    resolved = root.resolve()
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    for name in sorted(found):
        path, kind = found[name], upload.format or SUFFIXES.get(Path(name).suffix.lower())
        if not path.resolve().is_relative_to(resolved):
            yield SetAside(FILE, "a link that leads out of the folder", Origin.CRAWL, name)
        elif kind is None:
            yield SetAside(FILE, "not a kind of file that is read", Origin.CRAWL, name)
        else:
            yield from _of_file(path, name, kind, Origin.CRAWL, upload)


def _of_file(path: Path, name: str, kind: str, origin: Origin, upload: Upload) -> Iterator[Found]:
    group = name if kind == "text" else None  # the sections of a text belong together
    for record in records(path, kind):
        if isinstance(record, Unreadable):
            step = ROW if record.number else FILE
            yield SetAside(step, record.reason, origin, _place(name, record.number))
            continue
        number, given = record
        source = _place(name, number)
        try:
            if group is not None:
                given = given | {"group": group}
            yield shapes.row(given, origin, source, basis=upload.basis or "licence", licence=upload.licence)
        except ValueError as error:
            yield SetAside(ROW, str(error), origin, source)


def _place(name: str, number: int) -> str:
    return f"{name}:{number}" if number else name
