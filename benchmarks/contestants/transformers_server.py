"""`transformers serve` with continuous batching, asked over HTTP. Runs in an environment of its own."""

import sys
from pathlib import Path

from benchmarks.contestants.child import serve
from benchmarks.contestants.completions import Client
from benchmarks.contestants.server import free_port, running

MEMORY = "0.1"  # of the machine's, as much as vLLM is given; its default of most of it leaves the others none


def main() -> None:
    folder, in_flight, dtype = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    port = free_port()
    program = str(Path(sys.executable).with_name("transformers"))
    command = [program, "serve", "--continuous-batching", "--dtype", dtype, "--device", "cpu"]
    command += ["--cb-max-memory-percent", MEMORY]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    with running(command, port):
        client = Client(port, folder, in_flight)
        serve({"server": "transformers serve", "in_flight": in_flight, "dtype": dtype}, client.round)


if __name__ == "__main__":
    main()
