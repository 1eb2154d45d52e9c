"""A model that exists: a folder on this machine, or a snapshot of a hub repository."""

import re
from pathlib import Path

import httpx2  # what huggingface_hub speaks HTTP with; it lets its errors through
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mainspring.errors import ModelRefused
from mainspring.registry import adapters
from mainspring.registry.folder import OTHERS, PICKLED
from mainspring.tables import Task
from mainspring.training.recipes import Import
from workers.gpu.recipes.workshop import Made, Workshop

HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")
ANSWER_SECONDS = 15


def make(parameters: Import, task: Task, workshop: Workshop) -> Made:  # noqa: ARG001  one signature for all
    """The folder is looked at by the registry afterwards. Raises ModelRefused, RunInterrupted, RunLost."""
    made = _found(parameters, workshop)
    if parameters.base_digest is None:
        return made
    if not adapters.is_adapter(made.folder):
        raise ModelRefused(
            "the model is whole and needs no base",
            field="base",
            remedy="Leave `base` out, or give the adapter's folder.",
        )
    place = adapters.with_base(made.folder, parameters.base_digest, workshop.folder / "adapter")
    source = made.source | {"base": parameters.base, "base_digest": parameters.base_digest}
    return Made(place, source, made.measures)


def _found(parameters: Import, workshop: Workshop) -> Made:
    workshop.step(0.1, "looking at the model")
    local = Path(parameters.model).expanduser()
    if local.exists() or HUB_ID.fullmatch(parameters.model) is None:
        return Made(local, {"folder": str(local)}, {})
    try:
        return _download(parameters.model, parameters.revision, workshop)
    except GatedRepoError:
        reason, remedy = (
            "asks for consent first",
            "Accept its terms on the hub and set HF_TOKEN for the worker.",
        )
    except RevisionNotFoundError:
        reason, remedy = f"has no revision {parameters.revision}", "Name a branch, tag or commit that it has."
    except (RepositoryNotFoundError, HFValidationError):
        reason, remedy = (
            "is neither a folder here nor on the hub",
            "Check the spelling; a private one needs HF_TOKEN.",
        )
    except (
        httpx2.HTTPError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        OSError,
    ) as error:
        reason = f"is no folder here, and the hub cannot be reached ({type(error).__name__})"
        remedy = "Check the network, or download the model elsewhere and give its folder."
    raise ModelRefused(f"{parameters.model} {reason}", field="model", remedy=remedy)


def _download(model: str, revision: str | None, workshop: Workshop) -> Made:
    """One commit of it, without pickled weights and without code."""
    found = HfApi().model_info(model, revision=revision, timeout=ANSWER_SECONDS)
    names = [sibling.rfilename for sibling in found.siblings or []]
    pickled = [name for name in names if name.endswith(PICKLED)]
    if pickled and not any(name.endswith(".safetensors") for name in names):
        raise ModelRefused(
            f"{model} has only pickled weights ({pickled[0]}), and loading a pickle can run code",
            field="model",
            remedy="Choose a revision with safetensors; the hub's convert space can make one.",
        )
    workshop.step(0.2, f"downloading {model}")
    folder = workshop.folder / "download"
    snapshot_download(
        model,
        revision=found.sha,
        local_dir=folder,
        allow_patterns=["*.safetensors", adapters.CONFIG, *OTHERS],
    )
    return Made(folder, {"hub": model, "revision": revision, "commit": found.sha}, {})
