"""What an adapter costs: in memory beside a whole model, and in tokens a second; and four of one base at once.

One process; a base of 20 million parameters, and adapters of rank 8 beside all its linear layers. Memory is what the
process has more of after each was loaded, without the slots' keys and values, which come when they are written.

    python -m benchmarks.adapters [--rounds 4] [--prompts 64]
"""

import argparse
import json
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from benchmarks import random_llama
from benchmarks.machine import describe
from benchmarks.prompts import NEW_TOKENS, prompts
from mainspring.registry import put
from mainspring.registry.adapters import CONFIG, WEIGHTS, with_base
from mainspring.serving.engine import Engine, EngineRequest
from mainspring.settings import Settings
from workers.garbage import give_back
from workers.gpu.load import load_version

RANK, ADAPTERS, IN_FLIGHT = 8, 4, 32
LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--prompts", type=int, default=64)
    asked = parser.parse_args()
    print(f"machine: {describe()}")
    with tempfile.TemporaryDirectory(prefix="mainspring-") as place:
        measure(Path(place), asked.rounds, asked.prompts)


def measure(place: Path, rounds: int, each: int) -> None:
    store = place / "store"
    base = stored(store, place / "base", 0)
    engines = {"the base": loaded(base)}
    for number in range(1, ADAPTERS + 1):
        engines[f"adapter {number}"] = loaded(placed(store, base, place / f"adapter {number}", number))
    whole = loaded(stored(store, place / "another", 1))
    whole.stop()
    adapters = [engines[f"adapter {number}"] for number in range(1, ADAPTERS + 1)]
    shapes = {
        "the base": [engines["the base"]],
        "one adapter": adapters[:1],
        f"{ADAPTERS} adapters at once": adapters,
    }
    speeds: dict[str, list[float]] = {name: [] for name in shapes}
    for number in range(rounds + 1):
        texts = prompts(each, number)
        for name, those in shapes.items():
            speed = tokens_per_second(those, texts)
            if number:  # the first is not counted
                speeds[name].append(speed)
    best = statistics.median(speeds["the base"])
    for name, found in speeds.items():
        speed = statistics.median(found)
        print(
            f"  {name:22} {speed:7.1f} tokens/s, {speed / best:.2f} of the base, {IN_FLIGHT} in flight in all"
        )
    for engine in engines.values():
        engine.stop()


def loaded(path: Path) -> Engine:
    """Told with the memory that it took."""
    give_back()
    process = psutil.Process()
    before, begun = process.memory_info().rss, time.perf_counter()
    engine = load_version(path, "text-generation", Settings(compile_steps=False), "slots")
    took = time.perf_counter() - begun
    give_back()
    more = (process.memory_info().rss - before) / 2**20
    print(f"  {path.parent.name}/{path.name[:8]}: {more:6.1f} MiB more, {took:.1f} s", flush=True)
    return engine


def tokens_per_second(engines: list[Engine], texts: list[str]) -> float:
    def one(index: int) -> int:
        engine = engines[index % len(engines)]
        request = EngineRequest(f"{index}", texts[index], {"max_tokens": NEW_TOKENS}, index)
        return int(engine.submit(request).result(300).usage["completion_tokens"])

    begun = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        tokens = sum(pool.map(one, range(len(texts))))
    return tokens / (time.perf_counter() - begun)


def stored(store: Path, folder: Path, seed: int) -> Path:
    random_llama.make("20M", folder, seed)
    return store / put(store, folder, sorted(path.name for path in folder.iterdir())).path


def placed(store: Path, base: Path, folder: Path, seed: int) -> Path:
    """An adapter as `peft` would have saved it."""
    folder.mkdir()
    torch.manual_seed(seed)
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in model.named_modules():
        if name.endswith(LAYERS):
            width, features = layer.weight.shape
            tensors[f"base_model.model.{name}.lora_A.weight"] = torch.randn(RANK, features) * 0.02
            tensors[f"base_model.model.{name}.lora_B.weight"] = torch.randn(width, RANK) * 0.02
    save_file(tensors, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": RANK}))
    made = with_base(folder, base.name, folder.parent / f"{folder.name} placed")
    return store / put(store, made, sorted(path.name for path in made.iterdir())).path


if __name__ == "__main__":
    main()
