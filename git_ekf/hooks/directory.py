"""Where git looks for the hooks of a repository, and whether ours may be put there."""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.repository import Repository


class HooksDirectory(NamedTuple):
    """The directory, and why nothing must be written to it ("" when it may) with what helps.

    Of a server's hook also the `name` of its file there, and what is left to do `then`, once it is
    written.
    """

    directory: str
    obstacle: str = ""
    hint: str = ""
    name: str = "pre-receive"
    then: str = ""

    @property
    def path(self) -> str:
        """The path of a server's hook."""
        return os.path.join(self.directory, self.name)


_SWITCHED_OFF = HooksDirectory(
    os.devnull,
    "hooks are switched off here (core.hooksPath is empty or /dev/null)",
    "git config --show-origin core.hooksPath shows where; unset it there",
)


def hooks_directory(repo: Repository, *, shared: bool = False) -> HooksDirectory:
    """Where hooks go, by git's own answer; `core.hooksPath` is respected and never set.

    One that other repositories may use has an obstacle unless `shared`.
    """
    hooks_path = repo.git_setting("core.hookspath")
    if hooks_path == "":  # switches hooks off, but git does not answer where they are
        return _SWITCHED_OFF
    directory = repo.git.hooks_dir
    if os.path.realpath(directory) == os.devnull:
        return _SWITCHED_OFF
    place = repo.place
    if _is_inside(directory, place.common_dir):
        return HooksDirectory(directory)
    if hooks_path is not None and place.top and _is_inside(directory, place.top):
        example = os.path.relpath(edited_by_hand(os.path.join(directory, "pre-push")), place.top)
        return HooksDirectory(
            directory,
            f"core.hooksPath is {hooks_path}, a directory of the work tree that another tool keeps",
            f'add a line to each hook, as to {example}: git-ekf hook 1 pre-push "$@"',
        )
    if shared:
        return HooksDirectory(directory)
    reason = f"core.hooksPath is {hooks_path}"
    if hooks_path is None:
        reason = f"{os.path.join(place.common_dir, 'hooks')} is a link to {directory}"
    obstacle = f"{reason}, which other repositories may use"
    return HooksDirectory(directory, obstacle, "git ekf hooks install --shared")


def _is_inside(path: str, directory: str) -> bool:
    """Whether the path is the directory or below it, links followed."""
    return f"{os.path.realpath(path)}/".startswith(f"{os.path.realpath(directory)}/")


def edited_by_hand(path: str) -> str:
    """The file that a person edits for a hook: of husky's `.husky/_/HOOK` it is `.husky/HOOK`."""
    directory, hook = os.path.split(path)
    parent, name = os.path.split(directory)
    return os.path.join(parent, hook) if name == "_" else path
