"""A candidate in a pipeline: its configuration, its registration, what it answers, its staging; as cases with an end."""
