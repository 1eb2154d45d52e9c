"""How a version does, in figures of an hour and of a day: counted from rows, merged over any span, each with its interval."""
