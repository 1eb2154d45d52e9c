"""Mainspring's slot engine, fed in process."""

from benchmarks.contestants.ours import run
from workers.gpu.slotted.choose import prefer_slots

if __name__ == "__main__":
    run(prefer_slots)
