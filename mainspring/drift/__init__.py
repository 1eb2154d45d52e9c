"""Detectors: numbers in, evidence out. They know nothing of rows, jobs or clocks."""
