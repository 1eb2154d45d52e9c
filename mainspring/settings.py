"""The one reader of the environment. Thresholds of a deployment belong to its policy row, not here."""

import os
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Which versions an infer worker holds: those in testing, those in staging, those that answer clients, or all."""

    ALL = "all"
    TESTING = "testing"
    STAGING = "staging"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Frozen; read once at a process's edge and passed on. Every field is `MAINSPRING_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="MAINSPRING_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=lambda: user_data_path("mainspring"))
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    database_url: str = ""  # empty: the embedded PostgreSQL of this home
    redis_url: str = ""  # empty: the embedded Valkey of this home
    # For the command line alone, where it shall speak to an api elsewhere, and by another key than the home's:
    url: str = ""
    api_key: str = Field("", repr=False)
    store_url: str = (
        ""  # a folder, or whatever fsspec opens (s3://bucket/models); empty: the home's folder `store`
    )
    secret: str = ""  # what webhooks' secrets are derived from; empty: the file `secret` of this home
    # What kept text is encrypted with, the newest first, with commas in between: `mainspring texts --new-key` prints one.
    text_keys: str = Field("", repr=False)
    webhooks_to_private_addresses: bool = False  # true where receivers live beside this installation
    # The MLflow that shows what is here; empty: none. A name and a password go into it, a token beside it:
    mlflow_url: str = Field("", repr=False, pattern=r"^(https?://\S+)?$")
    mlflow_token: str = Field("", repr=False)
    # Before the names that are written there, where several installations share it:
    mlflow_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]*$")
    log_level: str = "INFO"
    log_json: bool = True
    # Where traces go by OTLP over HTTP, such as http://localhost:4318; empty: none are made. How many, and the rest, is
    # said by the standard's own variables, such as OTEL_TRACES_SAMPLER.
    otlp_endpoint: str = Field("", pattern=r"^(https?://\S+)?$")

    lease_seconds: float = Field(8.0, gt=0)  # how long a silent worker keeps its jobs
    renew_seconds: float = Field(2.0, gt=0)  # how often a worker renews its lease
    sweep_seconds: float = Field(2.0, gt=0)
    judge_seconds: float = Field(1.0, gt=0)  # how often open rollouts and draining versions are looked at
    retain_seconds: float = Field(3600.0, gt=0)  # how often it is looked for files that no version needs
    deliver_seconds: float = Field(1.0, gt=0)  # how often due webhooks are looked for
    observe_seconds: float = Field(2.0, gt=0)  # how often jobs that have ended are looked at
    refer_seconds: float = Field(5.0, gt=0)  # how often references of prompts are made that are asked for
    detect_seconds: float = Field(5.0, gt=0)  # how often the detectors are given what was looked at
    decide_seconds: float = Field(10.0, gt=0)
    refresh_seconds: float = Field(2.0, gt=0)  # how often refreshes are looked at
    rollup_seconds: float = Field(30.0, gt=0)  # how often hours that have changed are counted anew
    keep_observations_days: float = Field(90.0, gt=0)  # what was measured of jobs leaves by weeks after that
    forget_seconds: float = Field(300.0, gt=0)  # how often it is looked for kept texts whose time is over
    encoder: str = ""  # the folder of the frozen encoder that observes; empty: the bundled MiniLM
    mirror_seconds: float = Field(60.0, gt=0)  # how often MLflow is given what it lacks
    nudge_after_seconds: float = Field(
        2.0, gt=0
    )  # a queued job this old with no live message is nudged again
    reconcile_seconds: float = Field(2.0, gt=0)
    drain_seconds: float = Field(20.0, ge=0)  # on SIGTERM: finish what runs for so long, then hand back
    hang_seconds: float = Field(60.0, gt=0)  # an engine with work and without progress for so long is rebuilt
    max_losses: int = Field(5, ge=1)  # a job whose worker died under it this often has failed

    environment: Environment = Environment.ALL  # which versions an infer worker of these settings holds
    infer_threads: int = Field(128, ge=1)
    worker_memory_bytes: int | None = None  # None: 60% of what the host or container has
    # By what a training run is started in several processes, such as `accelerate launch --config_file fsdp.yaml`:
    train_launch: str = ""  # empty: it runs in the train worker's own child
    kv_cache_bytes: int = Field(512 * 2**20, gt=0)  # per held version, on CPU
    compile_steps: bool = True  # passes that run often are compiled beside serving, by a process of its own
    # For deployments whose policy asks for the engine `vllm`:
    vllm_command: str = ""  # how to run vLLM, options of `serve` behind it; empty: not available
    engine_url: str = ""  # address of an OpenAI-shaped server that runs already, where the policy names none
    engine_key: str = Field(
        "", repr=False
    )  # for servers that run already; with engine_url: for its host alone
    # For `mainspring up --mlflow`:
    mlflow_command: str = (
        ""  # how to run MLflow, options of `server` behind it; empty: as it is installed here
    )
    mlflow_port: int = Field(5000, ge=1, le=65535)
    # Each process shows its counters at `/metrics` on a port of its own: see mainspring/metrics/.
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(0, ge=0, le=65535)  # 0, or taken: one that is free
    metrics_name: str = ""  # by which Prometheus reaches that host; empty: its address, or the machine's name
    task_events: bool = False  # what Flower shows of tasks, at three messages a task
    max_body_bytes: int = Field(1 * 2**20, gt=0)
    max_upload_bytes: int = Field(256 * 2**20, gt=0)  # of the rows that a request gives for a dataset
    min_free_bytes: int = Field(1 * 2**30, ge=0)  # `up` refuses to start with less disk than this

    @property
    def store_is_remote(self) -> bool:
        return "://" in self.store_url

    @cached_property
    def store(self) -> Path:
        """The folder with models' files: the store, or what was fetched from it."""
        return Path(self.store_url) if self.store_url and not self.store_is_remote else self.home / "store"

    @property
    def datasets(self) -> Path:
        """The folder with datasets, each in the folder of its digest."""
        return self.home / "datasets"

    def as_environment(self) -> dict[str, str]:
        """This process's environment with these settings in it, paths absolute: for a child, wherever it runs."""
        given = self.model_dump(mode="json", exclude_none=True, exclude={"url", "api_key"})
        given["home"] = str(self.home.absolute())
        if self.store_url and not self.store_is_remote:
            given["store_url"] = str(Path(self.store_url).absolute())
        ours = {f"MAINSPRING_{name.upper()}": str(value) for name, value in given.items()}
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("MAINSPRING_")}  # noqa: TID251  the one reader
        return inherited | ours
