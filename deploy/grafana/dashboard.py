"""The dashboard, as code: `python deploy/grafana/dashboard.py` writes dashboards/mainspring.json from panels.yml.

Grafana loads what it writes.
"""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
OUT = HERE / "dashboards" / "mainspring.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SHORT = {
    "{OF}": '{deployment=~"$deployment", version=~"$version"}',
    "{OF_ALL}": '{deployment=~"$deployment"}',
    "[RATE]": "[$__rate_interval]",
}
LAST = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": LAST,
    "bargauge": {**LAST, "orientation": "horizontal"},
}
SIZES = {"stat": (4, 4)}  # width and height; of the others 8 and 8
WIDE = 24


def written_out(query: str) -> str:
    for short, long in SHORT.items():
        query = query.replace(short, long)
    return query


def variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def field(panel: dict[str, Any], kind: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if "red" in panel:
        steps.append({"color": "red", "value": panel["red"]})
    shown: dict[str, Any] = {
        "unit": panel["unit"],
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if kind == "timeseries":
        mode = "normal" if panel.get("stacked") else "none"
        shown["custom"] = {"fillOpacity": 20, "stacking": {"mode": mode, "group": "A"}}
    return {"defaults": shown, "overrides": []}


def drawn(panel: dict[str, Any], identifier: int, x: int, y: int) -> dict[str, Any]:
    kind = panel.get("kind", "timeseries")
    width, height = SIZES.get(kind, (8, 8))
    return {
        "id": identifier,
        "type": kind,
        "title": panel["title"],
        "description": panel.get("says", ""),
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": field(panel, kind),
        "options": OPTIONS[kind],
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": written_out(query),
                "legendFormat": legend,
            }
            for place, (legend, query) in enumerate(panel["queries"].items())
        ],
    }


def titled(title: str, identifier: int, y: int) -> dict[str, Any]:
    place = {"x": 0, "y": y, "w": WIDE, "h": 1}
    return {
        "id": identifier,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": place,
        "panels": [],
    }


def panels() -> Iterator[dict[str, Any]]:
    """From left to right, row by row, with a title over each."""
    numbers, y = count(1), 0
    for title, row in yaml.safe_load((HERE / "panels.yml").read_text()).items():
        yield titled(title, next(numbers), y)
        x, y, height = 0, y + 1, 0
        for panel in row:
            made = drawn(panel, next(numbers), x, y)
            if x + made["gridPos"]["w"] > WIDE:
                x, y = 0, y + height
                made["gridPos"] |= {"x": x, "y": y}
            x, height = x + made["gridPos"]["w"], made["gridPos"]["h"]
            yield made
        y += height


def dashboard() -> dict[str, Any]:
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "refresh": 1}
    return {
        "uid": "mainspring",
        "title": "Mainspring",
        "tags": ["mainspring"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "graphTooltip": 1,
        "editable": True,
        "templating": {
            "list": [
                source,
                variable("deployment", "label_values(mainspring_version_stage, deployment)"),
                variable(
                    "version", 'label_values(mainspring_version_stage{deployment=~"$deployment"}, version)'
                ),
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": SOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": 'ALERTS{alertstate="firing"}',
                    "titleFormat": "{{alertname}}",
                    "textFormat": "{{deployment}} {{version}}",
                }
            ]
        },
        "panels": list(panels()),
    }


def text() -> str:
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    OUT.write_text(text())
