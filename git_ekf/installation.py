"""The files of the program that are not code: the hooks' shim, manual, completion scripts."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from git_ekf.errors import CallFailed


def shipped(path: str, title: str) -> Traversable:
    """A file or folder: inside an installed package or the single file, beside it in a checkout.

    Raises CallFailed where it is in neither; `title` names it for a person, with its verb.
    """
    checkout = Path(__file__).resolve().parents[1]
    for place in (files("git_ekf").joinpath(path), checkout / path):
        if place.is_dir() or place.is_file():
            return place
    raise CallFailed(f"{title} missing from this installation", "reinstall git-ekf")
