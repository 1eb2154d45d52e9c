"""Tasks of lm-evaluation-harness (EleutherAI), given as files of a folder: no code is run from it, nothing is fetched."""

import logging
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.pairing import Scale
from mainspring.evaluation.plan import HarnessPlan
from mainspring.terms import Task
from workers.gpu.evaluating.reading import LONGEST
from workers.gpu.evaluating.scores import BROKEN, Column, Score, by_score
from workers.gpu.evaluating.task import Examination
from workers.gpu.load import Loaded

FIELD = "policy.evaluation.harness"
FORMATS = ("json", "csv", "parquet", "text")  # what `datasets` reads without being told how
_BATCH = {"cpu": 8, "cuda": 64}
_CODE = ("class", "custom_dataset", "include", "unsafe_code", "use_prompt")


def examine(this: Examination) -> list[Column]:
    """`harness.<task>`, by the first metric that a task names. Raises EvaluationFailed, ModelRefused."""
    plan = this.suite.plan.harness
    if plan is None:
        return []
    _refuse_others(this.suite.task)
    described = [_described(Path(plan.folder), name) for name in plan.tasks]
    found = []
    with TemporaryDirectory() as cache, this.contestant.weights() as loaded:
        for name, config in zip(plan.tasks, described, strict=True):
            this.begin(f"taking the task {name}")
            found.append(_column(name, config, plan, loaded, cache))
    return found


def _column(name: str, config: dict[str, Any], plan: HarnessPlan, loaded: Loaded, cache: str) -> Column:
    metric, higher, samples = _samples(config, plan, loaded, cache)
    scale = Scale(f"harness.{name}", metric, "higher" if higher else "lower")
    made = [_score(sample.get(metric)) for sample in samples]
    return Column(scale.name, [""] * len(made), made, by_score(scale))


def _samples(
    config: dict[str, Any], plan: HarnessPlan, loaded: Loaded, cache: str
) -> tuple[str, bool, Sequence[dict[str, Any]]]:
    """The metric, whether more of it is better, and what came out of each item, in their order."""
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)  # its news quote what is asked
    name = config["task"]
    own = dict(config.get("dataset_kwargs") or {}) | {"cache_dir": cache}
    try:
        task = ConfigurableTask(config=config | {"dataset_kwargs": own})
        task.set_fewshot_seed(seed=0)
        length, batch = min(loaded.context, LONGEST), _BATCH[loaded.model.device.type]
        model = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, max_length=length, batch_size=batch)
        found = evaluate(model, {"tasks": {name: task}}, limit=plan.items, bootstrap_iters=0)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, AssertionError) as error:
        raise _failed(f"the task {name} cannot be taken ({type(error).__name__})") from None
    samples = [one for one in found["samples"][name] if one["filter"] == found["samples"][name][0]["filter"]]
    metric = _metric(config, samples[0]["metrics"])
    return metric, bool(task.higher_is_better().get(metric, True)), samples


def _metric(config: dict[str, Any], made: Sequence[str]) -> str:
    named = [one.get("metric") for one in config.get("metric_list") or []]
    return next((one for one in named if one in made), made[0])


def _score(value: Any) -> Any:
    """A number, or a sum and what it is by, such as a log-likelihood and its words. None: neither."""
    if isinstance(value, tuple | list) and len(value) == 2:
        return Score(float(value[0]), float(value[1]))
    if isinstance(value, bool | int | float):
        return Score(float(value)) if value == value else BROKEN  # noqa: PLR0124  what is no number
    return None


def _described(folder: Path, name: str) -> dict[str, Any]:
    """The task's own file, with the places of its data. Raises EvaluationFailed."""
    for path, config in _files(folder):
        if config.get("task") == name:
            _refuse_code(name, config)
            _refuse_fetched(name, config)
            return config | {"dataset_kwargs": _data(name, path.parent, config)}
    raise _failed(
        f"no file in {folder} describes a task {name}", remedy="Give a YAML file with `task: NAME`."
    )


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.rglob("*.y*ml")):
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise _failed(
                f"{path.name} is not plain YAML",
                remedy="Describe the task without `!function`: code of a folder is never run.",
            ) from error
        if isinstance(config, dict):
            yield path, config


def _refuse_fetched(name: str, config: dict[str, Any]) -> None:
    """Metrics that the harness does not have itself are code from elsewhere. Raises EvaluationFailed."""
    from lm_eval.api import metrics  # noqa: F401  where the harness's own register themselves
    from lm_eval.api.registry import metric_registry

    for one in config.get("metric_list") or []:
        if one.get("hf_evaluate") or one.get("metric") not in metric_registry:
            raise _failed(
                f"the task {name} is measured by what is not part of the harness: {one.get('metric')}",
                remedy="Name a metric of the harness, such as acc or exact_match.",
            )


def _refuse_code(name: str, config: dict[str, Any]) -> None:
    """And what would be fetched. Raises EvaluationFailed."""
    beyond = [one for one in _CODE if one in config]
    if beyond or config.get("dataset_path") not in FORMATS:
        raise _failed(
            f"the task {name} needs {f'`{beyond[0]}`' if beyond else 'data from elsewhere'}",
            remedy=f"Give its data beside it: `dataset_path` one of {', '.join(FORMATS)}, `dataset_kwargs.data_files` their names.",
        )


def _data(name: str, folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """`data_files` as whole paths below the folder."""
    given = (config.get("dataset_kwargs") or {}).get("data_files")
    by_split = given if isinstance(given, dict) else {"test": given}
    found = {}
    for split, names in by_split.items():
        paths = [
            (folder / str(one)).resolve() for one in (names if isinstance(names, list) else [names]) if one
        ]
        if not paths or not all(path.is_file() and path.is_relative_to(folder.resolve()) for path in paths):
            raise _failed(
                f"the data of the task {name} are not in its folder",
                remedy="Name files below the folder of the task's own file, in `dataset_kwargs.data_files`.",
            )
        found[split] = [str(path) for path in paths]
    return {"data_files": found}


def _refuse_others(task: Task) -> None:
    if task != Task.TEXT_GENERATION:
        raise _failed(f"its tasks are for text-generation, not for {task}", remedy="Leave `harness` out.")
    if find_spec("lm_eval") is None:
        raise _failed(
            "lm-evaluation-harness is not installed here",
            remedy="Install it where the train worker runs: pip install 'mainspring[harness]'.",
        )


def _failed(detail: str, remedy: str | None = None) -> EvaluationFailed:
    return EvaluationFailed(detail, field=FIELD, remedy=remedy or "Look at the task's file and its data.")
