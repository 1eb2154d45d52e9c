"""One file a queue verb; a body calls what it names and holds nothing else."""
