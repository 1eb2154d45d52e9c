"""Metrics, each from scores item by item: of the challenger, of the champion, and of the difference. Pure."""
