"""Examples to learn from: gathered, cleaned, described, and kept as what cannot be changed."""
