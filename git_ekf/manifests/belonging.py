"""Which kustomizations a file belongs to. No repository, no processes."""

from __future__ import annotations

from collections.abc import Sequence

from git_ekf.errors import Refused
from git_ekf.manifests.choice import is_overlay
from git_ekf.manifests.selectors import Unfollowed
from git_ekf.manifests.sources import Files, KustomizationFile, joined


def belonging(files: Files, path: str, applied: Sequence[str]) -> list[str]:
    """The nearest kustomization above a file, and those that are deployed and stand on it.

    `applied` are the ones that are deployed, without any it is the overlays. The top is ".".
    Nothing for a file without a kustomization above it.
    """
    nearest = files.nearest(path)
    if nearest is None:
        return []
    deployed = [joined("", one) for one in applied]
    if not deployed:
        folders = {path.rpartition("/")[0] for path in files.entries}
        deployed = list(filter(is_overlay, folders))
    found = {nearest, *(one for one in deployed if one != nearest and stands(files, one, nearest))}
    return sorted(one or "." for one in found)


def stands(files: Files, folder: str, on: str) -> bool:
    """Whether a kustomization stands on another; False without PyYAML, which would tell."""
    seen = {folder}
    waiting = [folder]
    while waiting:
        try:
            below = set(KustomizationFile(files, waiting.pop()).stands_on())
        except (Unfollowed, Refused):
            continue
        if on in below:
            return True
        waiting += below - seen
        seen |= below
    return False
