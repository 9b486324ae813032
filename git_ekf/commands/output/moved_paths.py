"""Paths of the configuration that an upgrade leaves behind, as they are shown."""

from __future__ import annotations

from git_ekf.terminal.text import say
from git_ekf.upgrade.moved_paths import MovedPath


def show_moved(moved: list[MovedPath], where: str) -> None:
    """Prints them with the path to put there; `where` that is "there" or "now"."""
    for one in moved:
        say(f"  moved     {one.key}: {one.path} is {one.moved_to} {where}")


def moved_as_json(moved: list[MovedPath]) -> list[dict[str, str]]:
    """The same as upgrade.json has it."""
    return [one._asdict() for one in moved]
