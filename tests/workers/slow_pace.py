"""How the engine of slow_worker.py takes its time. Apart from it, since a worker's module configures its process."""

SLOTS = 4
SHORTEST, LONGEST = 0.1, 0.3  # seconds
BEGUN = 0.4  # of that time, until the first text
