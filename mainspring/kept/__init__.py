"""What was asked and answered, word for word: kept of a sample where a policy says so, encrypted, read under audit, and gone
by its day."""
