"""Who answers the same texts with the same encoder: the whole product, a plain Celery task, and a loop of one process."""
