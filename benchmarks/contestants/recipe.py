"""The usual recipe: a Celery task that calls `model.generate`, one process."""

from benchmarks.contestants.celery_worker import run

if __name__ == "__main__":
    run("recipe", "1")
