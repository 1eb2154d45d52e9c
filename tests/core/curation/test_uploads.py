"""Files become rows of what their records mean; what cannot is set aside with its line and why."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from mainspring.curation.found import Found, SetAside
from mainspring.curation.plan import Upload
from mainspring.curation.rows import Kind, Message, Origin, Row
from mainspring.curation.sources import uploads
from mainspring.errors import DatasetRefused


def found(path: Path, **more: str) -> list[Found]:
    return list(uploads.rows(Upload(path=str(path), **more), "curate.uploads.0"))


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_record_is_what_its_fields_say(tmp_path: Path) -> None:
    lines = (
        '{"text": "rain falls"}\n'
        '{"text": "rain falls", "label": 3}\n'
        '{"text": "rain falls", "target": "Regen fällt", "licence": "MIT"}\n'
        '{"messages": [{"role": "user", "content": "why"}, {"role": "assistant", "content": "so"}], "group": "g"}\n'
        '{"prompt": "why", "completion": "so"}\n'
        '{"prompt": "why", "chosen": "so", "rejected": "no"}\n'
    )
    path = written(tmp_path / "a.jsonl", lines)
    text, labelled, target, chat, completion, preference = found(path, licence="CC0", basis="gift")
    assert text == Row(
        Kind.TEXT, Origin.UPLOAD, "a.jsonl:1", "a.jsonl:1", text="rain falls", basis="gift", licence="CC0"
    )
    assert isinstance(labelled, Row)
    assert (labelled.kind, labelled.label) == (Kind.LABELLED, "3")
    assert isinstance(target, Row)
    assert (target.kind, target.target, target.licence) == (Kind.TEXT, "Regen fällt", "MIT")
    assert isinstance(chat, Row)
    assert isinstance(completion, Row)
    assert chat.messages == completion.messages == (Message("user", "why"), Message("assistant", "so"))
    assert chat.group == "g"
    assert isinstance(preference, Row)
    assert (preference.messages, preference.chosen, preference.rejected) == (chat.messages[:1], "so", "no")


def test_a_bad_line_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [
        b"{not json",
        b'{"text": "\xff\xfe"}',
        b"[1, 2]",
        b'{"title": "x"}',
        b'{"text": 7}',
        b'{"text": "  "}',
        b'{"messages": []}',
        b'{"messages": [{"role": "user", "content": "why"}]}',
        b'{"messages": [{"role": "robot", "content": "why"}]}',
        b'{"prompt": "a", "chosen": "b", "rejected": "b"}',
        b'{"text": "x", "label": null, "target": 3}',
        b'{"text": "x", "label": [1]}',
    ]
    path = written(tmp_path / "a.jsonl", b"\n".join([b'{"text": "first"}', *bad, b"", b'{"text": "last"}']))
    rows = found(path)
    assert [row.source for row in rows if isinstance(row, Row)] == ["a.jsonl:1", "a.jsonl:15"]
    aside = [row for row in rows if isinstance(row, SetAside)]
    assert [one.source for one in aside] == [f"a.jsonl:{number}" for number in range(2, 14)]
    assert all(one.reason and "why" not in one.reason for one in aside)


def test_csv_with_quotes_and_lines_within_fields(tmp_path: Path) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(
        [["text", "label"], ['two\nlines, "quoted"', "good"], ["short"], ["plain", "bad"]]
    )
    first, short, plain = found(written(tmp_path / "a.csv", "\ufeff" + file.getvalue()))
    assert isinstance(first, Row)
    assert (first.text, first.label) == ('two\nlines, "quoted"', "good")
    assert isinstance(short, SetAside)
    assert short.source == "a.csv:4"
    assert isinstance(plain, Row)
    assert plain.source == "a.csv:5"


def test_parquet_and_what_only_says_that_it_is(tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"text": ["one", "two", None], "label": ["a", None, "b"]}), tmp_path / "a.parquet"
    )
    one, two, none = found(tmp_path / "a.parquet")
    assert isinstance(one, Row)
    assert (one.kind, one.label) == (Kind.LABELLED, "a")
    assert isinstance(two, Row)
    assert two.kind == Kind.TEXT
    assert isinstance(none, SetAside)
    (broken,) = found(written(tmp_path / "b.parquet", "text"))
    assert isinstance(broken, SetAside)
    assert (broken.step, broken.source) == ("file", "b.parquet")


def test_a_folder_is_read_in_the_order_of_its_names_and_never_left(tmp_path: Path) -> None:
    written(tmp_path / "outside.txt", "a secret")
    crawl = tmp_path / "crawl"
    written(crawl / "b" / "page.md", "Tides\n=====\n\nThe moon pulls.\n\nGlaciers\n--------\n\nIce flows.\n")
    written(crawl / "a.txt", "First of all.")
    written(crawl / "picture.png", b"\x89PNG")
    written(crawl / "latin.txt", b"caf\xe9")
    (crawl / "link.txt").symlink_to(tmp_path / "outside.txt")
    rows = found(crawl)
    kept = [row for row in rows if isinstance(row, Row)]
    assert [(row.source, row.group, row.heading, row.text) for row in kept] == [
        ("a.txt:1", "a.txt", "First of all", "First of all."),
        ("b/page.md:1", "b/page.md", "Tides", "The moon pulls."),
        ("b/page.md:2", "b/page.md", "Glaciers", "Ice flows."),
    ]
    assert {row.origin for row in kept} == {Origin.CRAWL}
    aside = {row.source: row.reason for row in rows if isinstance(row, SetAside)}
    assert set(aside) == {"picture.png", "latin.txt", "link.txt"}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetRefused) as refused:
        found(tmp_path / "none.jsonl")
    assert refused.value.field == "curate.uploads.0.path"
    with pytest.raises(DatasetRefused) as unnamed:
        found(written(tmp_path / "rows", "x"))
    assert unnamed.value.field == "curate.uploads.0.format"
    assert len(found(tmp_path / "rows", format="text")) == 1
