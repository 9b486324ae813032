"""How much is measured: all of it, or with EKF_BENCH_SHORT=1 only once, on little, to see that nothing is broken."""

from __future__ import annotations

import os

SHORT = os.environ.get("EKF_BENCH_SHORT") == "1"


def scaled(number: int, least: int = 4) -> int:
    """The number of files, commits or rounds; with little, a small part of it."""
    return max(min(number, least), number // 500) if SHORT else number
