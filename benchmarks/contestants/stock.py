"""transformers' continuous batching behind Mainspring's engine protocol, fed in process."""

from benchmarks.contestants.ours import run
from workers.gpu.slotted.choose import stock

if __name__ == "__main__":
    run(stock)
