"""Rows that say the same, or nearly: found by what they hash to, so that a million of them need little memory."""
