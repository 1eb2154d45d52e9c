"""Drift in rows: references, where the detectors stand, readings, alarms, decisions. The detectors are in drift/."""
