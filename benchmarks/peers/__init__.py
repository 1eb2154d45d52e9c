"""Other queues, each measured in an environment of its own, on the servers that ours is measured on."""
