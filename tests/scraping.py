"""What a door shows, as numbers by name and labels."""

import httpx
from prometheus_client.parser import text_string_to_metric_families as parsed

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parsed(text)
        for sample in family.samples
    }


def of(series: Series, name: str, **labels: str) -> float:
    return series[f"mainspring_{name}", frozenset(labels.items())]


def look(url: str, **headers: str) -> Series:
    answer = httpx.get(f"{url}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return read(answer.text)


def addresses(url: str, role: str) -> list[str]:
    """Where the processes of a role show what they count."""
    groups = httpx.get(f"{url}/metrics/targets").raise_for_status().json()
    return [at for group in groups if group["labels"]["role"] == role for at in group["targets"]]
