"""Mainspring over HTTP: producers enqueue, poll, stream and cancel jobs; developers declare deployments."""
