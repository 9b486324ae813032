"""The installation: files of the program that are not code, and how libraries get into it."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from git_ekf.errors import CallFailed
from git_ekf.shown import shell


def shipped(path: str, title: str) -> Traversable:
    """A file or folder: inside an installed package or the single file, beside it in a checkout.

    Raises CallFailed where it is in neither; `title` names it for a person, with its verb.
    """
    checkout = Path(__file__).resolve().parents[1]
    for place in (files("git_ekf").joinpath(path), checkout / path):
        if place.is_dir() or place.is_file():
            return place
    raise CallFailed(f"{title} missing from this installation", "reinstall git-ekf")


def how_to_install(library: str, debian: str) -> str:
    """The command that brings a library to where this git-ekf looks for it.

    `debian` is the package that has it there.
    """
    where = sys.prefix.split(os.sep)
    if "pipx" in where:
        return f"pipx inject git-ekf {library}"
    if "uv" in where:
        return f"uv tool install --with {library} git-ekf"
    if __file__.startswith(("/usr/lib/", "/usr/share/")):
        return f"apt install {debian}"
    return shell(sys.executable, "-m", "pip", "install", library)
