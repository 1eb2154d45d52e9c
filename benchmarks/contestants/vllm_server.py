"""vLLM's own server, asked over HTTP. Runs in vLLM's environment."""

import os
import sys
from pathlib import Path

from benchmarks.contestants.child import serve
from benchmarks.contestants.completions import Client
from benchmarks.contestants.server import free_port, running

os.environ |= {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_LOGGING_LEVEL": "WARNING"}


def main() -> None:
    folder, in_flight, dtype = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    port = free_port()
    options = {
        "--dtype": dtype,
        "--max-num-seqs": str(in_flight),
        "--max-model-len": "2048",
        "--port": str(port),
    }
    command = [str(Path(sys.executable).with_name("vllm")), "serve", folder, "--host", "127.0.0.1"]
    command += [word for option in options.items() for word in option]
    command += ["--no-enable-prefix-caching", "--disable-uvicorn-access-log"]
    with running(command, port):
        client = Client(port, folder, in_flight, ignore_eos=True)
        serve({"server": "vllm serve", "in_flight": in_flight, "dtype": dtype}, client.round)


if __name__ == "__main__":
    main()
