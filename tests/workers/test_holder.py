"""A worker holds what it can, whatever is wrong with the rest, and says of that what it is and whether it may pass."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import LogCapture

from mainspring.errors import ModelRefused, StackError
from mainspring.registry import verify
from mainspring.tables import Stage
from tests.api.serving import until
from tests.core.model_folders import safetensors
from tests.workers.holding import MIB, Still, Store, flip, unreadable
from workers.held import Need
from workers.holder import Holder
from workers.refusals import RETRY_TICKS

GONE = "is not what was registered"


def ready(holder: Holder, store: Store, *versions: Any) -> bool:
    holder.look()
    return all(store.said(version)[0] == "ready" for version in versions)


def test_a_disk_that_fails_holds_up_nobody_else_and_is_tried_again(store: Store, tmp_path: Path) -> None:
    broken, other = store.version("broken"), store.version("other")
    weights = store.place(broken) / "model.safetensors"
    shutil.copy(weights, tmp_path / "weights")
    unreadable(weights)
    holder = store.holder()
    holder.start()
    until(lambda: ready(holder, store, other))
    state, reason = store.said(broken)
    assert (state, store.refusal(broken)) == ("refused", "passing")
    assert "model.safetensors cannot be read (Input/output error)" in reason
    (tmp_path / "weights").replace(weights)
    until(lambda: ready(holder, store, broken))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory ran out while it was loaded"),
        (OSError(5, "Input/output error"), "its files cannot be read (Input/output error)"),
        (KeyError("a prompt"), "loading it failed (KeyError)"),
        (StackError("the store did not do it"), "the store did not do it"),
    ],
)
def test_whatever_a_load_runs_into_the_version_is_refused_and_the_next_one_loaded(
    error: Exception, said: str, store: Store, written: LogCapture
) -> None:
    broken, other = store.version("broken"), store.version("other")
    path, left = store.place(broken), [error]

    def load(folder: Path, *_: Any) -> Still:
        if folder == path and left:
            raise left.pop()
        return Still()

    holder = store.holder(load=load)
    holder.start()
    until(lambda: ready(holder, store, other))
    state, reason = store.said(broken)
    assert (state, reason.startswith(said), store.refusal(broken)) == ("refused", True, "passing")
    until(lambda: ready(holder, store, broken))
    [told] = [entry for entry in written.entries if entry["event"] == "version.refused"]
    assert "load (test_holder.py" in told["at"]
    assert "a prompt" not in f"{told} {reason}"


def test_an_engine_that_fails_to_stop_is_gone_and_the_worker_goes_on(
    store: Store, written: LogCapture
) -> None:
    class Stuck(Still):
        def stop(self, _drain_seconds: float = 0.0) -> None:
            raise RuntimeError

    first = store.version("first")
    engines: list[Still] = [Still(), Stuck()]
    holder = store.holder(load=lambda *_: engines.pop())
    holder.start()
    until(lambda: ready(holder, store, first))
    store.advance(first, Stage.DRAINING, Stage.RETIRED)
    second = store.version("second")
    until(lambda: ready(holder, store, second))
    assert store.said(first) == ("nothing", "")
    assert holder.find(first) is None
    [told] = [entry for entry in written.entries if entry["event"] == "holder.failed"]
    assert (told["error"], "stop (test_holder.py" in told["at"]) == ("RuntimeError", True)


def test_a_byte_that_changed_is_not_served_by_an_engine_that_is_rebuilt(store: Store) -> None:
    version = store.version("assistant")
    engines: list[Still] = []

    def load(*_: Any) -> Still:
        engines.append(Still())
        return engines[-1]

    holder = store.holder(load=load)
    holder.start()
    until(lambda: ready(holder, store, version))
    flip(store.place(version) / "model.safetensors")
    engines[0].alive = False
    until(lambda: store.said(version)[0] == "refused")
    assert store.said(version)[1].startswith(f"model.safetensors {GONE}")
    assert len(engines) == 1
    assert holder.find(version) is None
    assert store.consumed == set()


def test_an_engine_that_died_is_rebuilt_from_files_that_are_as_they_were(store: Store) -> None:
    version = store.version("assistant")
    holder = store.holder()
    holder.start()
    until(lambda: ready(holder, store, version))
    held = holder.find(version)
    assert held is not None
    died = held.engine
    assert isinstance(died, Still)
    died.alive = False
    until(lambda: held.engine is not died and store.said(version)[0] == "ready")
    assert held.ready


def test_a_configuration_that_changed_is_told_by_its_name(store: Store) -> None:
    """Not what became of it: here it is no JSON any more."""

    def needs(folder: Path, *_: Any) -> Need:
        try:
            json.loads((folder / "config.json").read_bytes())
        except ValueError:
            raise ModelRefused("config.json is not readable JSON") from None
        return Need(MIB)

    version = store.version("assistant")
    config = store.place(version) / "config.json"
    config.chmod(0o644)
    config.write_text("{")
    store.holder(needs=needs).reconcile()
    assert store.said(version)[1].startswith(f"config.json {GONE}")
    assert store.refusal(version) == "lasting"


def test_of_an_adapter_the_file_of_its_base_is_named(store: Store) -> None:
    base = store.put(store.folder("base"))
    folder = store.settings.home.parent / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(safetensors(2))
    (folder / "base.json").write_text(json.dumps({"digest": base.digest}))
    whole = store.version("whole", base)
    adapter = store.version("tuned", store.put(folder), base="whole@1", base_digest=base.digest)
    holder = store.holder()
    holder.reconcile()
    assert store.said(adapter)[0] == "ready"
    flip(store.place(whole) / "model.safetensors")
    again = store.holder()
    again.reconcile()
    assert store.said(adapter)[1].startswith(f"model.safetensors of its base {GONE}")


def test_nothing_gives_way_to_a_version_that_is_damaged(store: Store) -> None:
    first = store.version("assistant")
    holder = store.holder(needs=lambda *_: Need(6 * MIB), budget_bytes=10 * MIB)
    holder.reconcile()
    second = store.version("assistant", number=2)
    flip(store.place(second) / "model.safetensors")
    store.advance(first, Stage.DRAINING)
    store.advance(second, Stage.PRODUCTION)
    holder.reconcile()
    assert store.said(first)[0] == "ready"
    assert store.said(second)[1].startswith(f"model.safetensors {GONE}")


def test_what_lacks_room_is_read_once_and_again_when_there_is_some(store: Store) -> None:
    first, second = store.version("first"), store.version("second")
    place, read = store.place(second), 0

    def check(folder: Path, *given: Any) -> None:
        nonlocal read
        read += folder == place
        verify(folder, *given)

    holder = store.holder(needs=lambda *_: Need(6 * MIB), budget_bytes=10 * MIB, check=check)
    for _ in range(3 * RETRY_TICKS):
        holder.reconcile()
    assert "needs 6 MiB of memory, 4 MiB are left" in store.said(second)[1]
    assert store.refusal(second) == "room"
    assert read == 1
    store.advance(first, Stage.DRAINING, Stage.RETIRED)
    flip(place / "model.safetensors")
    for _ in range(2 * RETRY_TICKS):
        holder.reconcile()
    assert store.said(second)[1].startswith(f"model.safetensors {GONE}")


def test_what_never_fits_stays_refused(store: Store) -> None:
    version = store.version("assistant")
    store.holder(needs=lambda *_: Need(11 * MIB), budget_bytes=10 * MIB).reconcile()
    assert (store.said(version)[0], store.refusal(version)) == ("refused", "lasting")


def test_in_another_stage_a_version_is_tried_at_once(store: Store) -> None:
    first = store.version("assistant")
    holder = store.holder(needs=lambda *_: Need(6 * MIB), budget_bytes=10 * MIB)
    holder.reconcile()
    second = store.version("assistant", number=2)
    store.advance(second, Stage.TESTING, Stage.STAGING)
    holder.reconcile()
    assert store.said(second)[0] == "refused"
    store.advance(second, Stage.CANARY)
    store.advance(first, Stage.DRAINING)
    store.advance(second, Stage.PRODUCTION)
    holder.reconcile()
    assert store.said(second)[0] == "ready"


def test_weights_count_for_as_long_as_an_adapter_has_them(store: Store) -> None:
    def needs(folder: Path, *_: Any) -> Need:
        shared = folder in (store.place(base), store.place(adapter))
        return Need(MIB, 8 * MIB, of="base") if shared else Need(6 * MIB)

    base, adapter = store.version("base"), store.version("adapter")
    holder = store.holder(needs=needs, budget_bytes=14 * MIB)
    holder.reconcile()
    assert [store.said(one)[0] for one in (base, adapter)] == ["ready", "ready"]  # 10 MiB
    store.advance(base, Stage.DRAINING, Stage.RETIRED)
    other = store.version("other")
    holder.reconcile()
    assert "needs 6 MiB of memory, 5 MiB are left" in store.said(other)[1]
    store.advance(adapter, Stage.DRAINING, Stage.RETIRED)
    for _ in range(2 * RETRY_TICKS):
        holder.reconcile()
    assert store.said(other)[0] == "ready"
