"""Streams of requests whose subject moves, and what watching them costs and finds."""
