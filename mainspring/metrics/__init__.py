"""What operators look at: the rows as gauges, and each process's own counters behind a door of its own."""
