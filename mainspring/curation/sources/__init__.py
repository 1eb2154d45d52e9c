"""Whence rows come: a file each. A source reads, and judges nothing but whether it can read."""
