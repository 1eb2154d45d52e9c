"""Prometheus' own `promtool` accepts the configuration and the rules, and each alert fires when it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from deploy.grafana import dashboard
from tests.prometheus.binaries import Binaries
from tests.prometheus.server import DEPLOY, RULES

HERE = Path(__file__).parent


def told(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_configurations(prometheus: Binaries) -> None:
    check = [prometheus.promtool, "check", "config"]
    assert "rule files found" in told([*check, "local.yml"], DEPLOY / "prometheus")
    told([*check, "--syntax-only", "prometheus.yml"], DEPLOY / "prometheus")  # its key is elsewhere


def test_the_rules(prometheus: Binaries) -> None:
    told([prometheus.promtool, "check", "rules", *RULES], DEPLOY / "prometheus")


def test_each_alert_fires(prometheus: Binaries, tmp_path: Path) -> None:
    for name in RULES:
        shutil.copy(DEPLOY / "prometheus" / name, tmp_path)
    shutil.copy(HERE / "rules.yml", tmp_path)
    assert "SUCCESS" in told([prometheus.promtool, "test", "rules", "rules.yml"], tmp_path)


def test_each_alert_is_tried_and_says_what_to_do() -> None:
    tried = (HERE / "rules.yml").read_text()
    expected = set(re.findall(r'alertname="(\w+)"', tried)) | set(re.findall(r"alertname: (\w+)", tried))
    for rule in alerts():
        assert rule["alert"] in expected
        assert rule["labels"]["severity"] in {"page", "ticket"}
        for said in ("summary", "remedy"):
            assert len(rule["annotations"][said]) > 20


def test_the_dashboard_is_what_its_panels_say() -> None:
    """If not: `python deploy/grafana/dashboard.py`."""
    assert json.loads(dashboard.OUT.read_text()) == dashboard.dashboard()
