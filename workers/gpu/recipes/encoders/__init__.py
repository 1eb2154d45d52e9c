"""What an encoder is taught, one file a task."""
