"""Measuring versions where their weights run: evaluate() gives what the gate decides by."""

from workers.gpu.evaluating.evaluate import evaluate

__all__ = ["evaluate"]
