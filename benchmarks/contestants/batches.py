"""The same with celery-batches: as many as are in flight are padded to one batch."""

import sys

from benchmarks.contestants.celery_worker import run

if __name__ == "__main__":
    run("batches", sys.argv[2])
