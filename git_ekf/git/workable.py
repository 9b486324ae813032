"""Which directories git-ekf can work in, by their names: asked before anything is written."""

from __future__ import annotations

import os

from git_ekf.errors import Refused

# What a path of a file may have on Linux (PATH_MAX, NAME_MAX in limits.h), and what git and git-ekf
# need of it below the directory.
_PATH, _NAME, _BELOW = 4096, 255, 512


def require_workable(path: str) -> None:
    """Raises Refused for a directory, there or not, whose name is in the way of the work."""
    whole = os.fsencode(os.path.abspath(path))
    if b"\n" in whole:
        raise line_end(path)
    if len(whole) > _PATH - _BELOW or any(len(part) > _NAME for part in whole.split(b"/")):
        raise Refused("the directory's name is too long", "name one with a shorter path")


def is_free(path: str) -> bool:
    """Whether a directory is empty, or nothing is there yet."""
    return not os.path.lexists(path) or (os.path.isdir(path) and not os.listdir(path))


def line_end(path: str) -> Refused:
    """The error for a repository in such a directory: git says where it is in lines."""
    return Refused(
        f"{path} has a line end in its path, and git-ekf cannot work in there",
        "take a directory without one",
    )
