"""What benchmarks/curation.py is made of."""
