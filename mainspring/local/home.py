"""All that the embedded stack writes, by name. Nothing outside this folder, but for sockets of a very long home."""

from dataclasses import dataclass
from pathlib import Path

from mainspring import endpoints


@dataclass(frozen=True)
class Home:
    """`path` is absolute from here on."""

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path.absolute())

    @property
    def run(self) -> Path:
        """What lasts as long as a run: lock, records, state."""
        return self.path / "run"

    @property
    def sockets(self) -> Path:
        """`run`, or a folder below /tmp when that path is too long for a socket."""
        return endpoints.socket_dir(self.path)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def mlflow(self) -> Path:
        return self.path / "mlflow"

    @property
    def key(self) -> Path:
        """The first API key, in plain text, readable by its owner only."""
        return self.path / "key"

    @property
    def lock(self) -> Path:
        """Locked by the supervisor for as long as it lives, and released by the kernel however it dies."""
        return self.run / "lock"

    @property
    def supervisor(self) -> Path:
        return self.run / "supervisor.json"

    @property
    def processes(self) -> Path:
        return self.run / "processes.json"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"
