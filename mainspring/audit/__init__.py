"""The log of events as evidence: each event carries the hash of the one before it, so what was changed shows."""

from mainspring.audit.chain import GENESIS, Finding, Link, Trouble, diagnose, digest
from mainspring.audit.verify import Report, verify

__all__ = ["GENESIS", "Finding", "Link", "Report", "Trouble", "diagnose", "digest", "verify"]
