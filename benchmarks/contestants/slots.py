"""Mainspring's slot engine, fed in process."""

from benchmarks.contestants.ours import run

if __name__ == "__main__":
    run("slots")
