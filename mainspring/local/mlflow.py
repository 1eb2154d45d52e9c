"""MLflow's own server, if it was asked for: on loopback, its data below the home. Nothing waits for it."""

import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.local.service import Service
from mainspring.settings import Settings

STOPPED_BEHIND_THE_WORKERS = 3


def beside(settings: Settings) -> Settings:
    """The settings of a stack that has it. Raises StackError when another one is named, or it cannot be started."""
    if settings.mlflow_url:
        raise StackError(
            "MAINSPRING_MLFLOW_URL names an MLflow that runs already",
            remedy="Leave --mlflow out to use that one, or unset MAINSPRING_MLFLOW_URL.",
        )
    program(settings)
    return settings.model_copy(update={"mlflow_url": f"http://127.0.0.1:{settings.mlflow_port}"})


def program(settings: Settings) -> list[str]:
    """Up to `mlflow`: what the settings name, what is installed in this environment, or what lies on the path."""
    if settings.mlflow_command:
        return shlex.split(settings.mlflow_command)
    try:
        distribution("mlflow")  # mlflow-skinny has the module, and no server
    except PackageNotFoundError:
        found = shutil.which("mlflow")
    else:
        return [sys.executable, "-m", "mlflow"]
    if found is None:
        raise StackError(
            "MLflow is not installed",
            remedy="Install it: pip install 'mainspring[mlflow]'. Or name another environment's program: "
            "MAINSPRING_MLFLOW_COMMAND=/path/to/mlflow",
        )
    return [found]


def service(settings: Settings) -> Service:
    """Its tables are made and changed by itself. It tells nobody that it is used, and runs no jobs of its own."""
    home = Home(settings.home)
    home.mlflow.mkdir(mode=0o700, exist_ok=True)
    options = {
        "host": "127.0.0.1",
        "port": str(settings.mlflow_port),
        "workers": "1",
        # Below the folder that it runs in, whose own path may have what an address may not.
        "backend-store-uri": "sqlite:///mlflow.db",
        "artifacts-destination": "./artifacts",
    }
    return Service(
        name="mlflow",
        argv=command(
            program(settings), [part for name, value in options.items() for part in (f"--{name}", value)]
        ),
        env=_environment(settings),
        log=home.log("mlflow"),
        cwd=home.mlflow,
        stop_rank=STOPPED_BEHIND_THE_WORKERS,
        nice=10,
        address=settings.mlflow_url,
    )


def command(given: list[str], ours: list[str]) -> tuple[str, ...]:
    """`given`: MLflow's program, or the Python that has it, and options for `server`, which go before ours."""
    options = next((index for index, word in enumerate(given) if word.startswith("--")), len(given))
    found = given[:options]
    if len(found) == 1 and Path(found[0]).name.startswith("python"):
        found += ["-m", "mlflow"]
    return (*found, "server", *ours, *given[options:])


def _environment(settings: Settings) -> dict[str, str]:
    """This process's, without Mainspring's own secrets. What is set there already goes before ours."""
    inherited = {k: v for k, v in settings.as_environment().items() if not k.startswith("MAINSPRING_")}
    ours = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return ours | {"PYTHONUNBUFFERED": "1"} | inherited
