"""Those who run the same prompts, each in a process and, where it must be, an environment of its own.

child.py speaks with the parent; every other file is one contestant: `python -m benchmarks.contestants.NAME FOLDER IN_FLIGHT`
"""
