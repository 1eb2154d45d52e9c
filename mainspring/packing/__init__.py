"""A version as one artifact: model, program, pinned dependencies, policy and environment as the context of an image."""
