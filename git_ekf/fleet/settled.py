"""What the team's resolutions settle in many clusters, each once."""

from __future__ import annotations

from collections.abc import Iterable

from git_ekf.replay.step import Settlement


def shared_settlements(
    clusters: Iterable[tuple[str, Iterable[Settlement]]],
) -> dict[str, list[str]]:
    """A conflict and the resolution that settles it, in words -> the clusters that have it.

    `clusters` has their names, each with all that was settled there.
    """
    found: dict[str, dict[str, None]] = {}
    for name, settlements in clusters:
        for settled in settlements:
            if settled.resolution:
                found.setdefault(f"{settled.path}: {settled.side}", {})[name] = None
    return {said: list(names) for said, names in found.items()}
