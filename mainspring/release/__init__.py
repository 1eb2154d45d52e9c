"""How a version comes into production and leaves it: a rollout step by step, judged at each beat, or the way back."""
