"""A line of a file of prompts is plain text, a string of JSON, or a prompt as the api takes it."""

from pathlib import Path

from mainspring.cli.prompt_file import read


def test_each_kind_of_line(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(
        'What is a list?\n\n"a string\\nof JSON"\n"Quoted", he said.\n{"input": "x", "expected": "y"}\n'
    )
    found = read(file, "reference")
    assert found.prompts == [
        {"input": "What is a list?"},
        {"input": "a string\nof JSON"},
        {"input": '"Quoted", he said.'},
        {"input": "x", "expected": "y"},
    ]
    assert found.lines == [1, 3, 4, 5]
