"""Answers that no client sees: a version tries what others have answered, and stored prompts. Then they are compared."""
