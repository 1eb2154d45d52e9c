"""What is measured of a finished job after its end: vectors of what was asked and answered, its language. No text stays."""
