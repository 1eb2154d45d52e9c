"""transformers' continuous batching behind Mainspring's engine protocol, fed in process."""

from benchmarks.contestants.ours import run

if __name__ == "__main__":
    run("continuous")
