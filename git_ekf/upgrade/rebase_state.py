"""The rebase that an upgrade or sync goes on in: what is kept of it in `ekf/rebase`, and what git's own files say."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import NamedTuple

from git_ekf.repository import Repository
from git_ekf.smallfile import STATE, read_small
from git_ekf.upgrade.prefer import Preference
from git_ekf.upgrade.target import Target


class RebaseState(NamedTuple):
    """What is kept while the rebase runs. `onto` is where the rebase began, with `written` below it.

    `rest` is what it was given to pick: (original, the same migrated or made one line, else the original again).
    `settled` are (path, how) of conflicts decided without asking, `dropped` are (commit, why).
    """

    target: Target
    onto: str
    written: list[tuple[str, str]]
    rest: list[tuple[str, str]]
    subjects: dict[str, str]
    prefer: tuple[Preference, ...]
    settled: list[tuple[str, str]]
    dropped: list[tuple[str, str]]


def under_way(repo: Repository) -> str:
    """The command (upgrade or sync) that goes on in the rebase under way; "" where there is none, or it is another's."""
    state = read(repo) if repo.operation == "rebase" else None
    return state.target.command if state and in_progress(repo, state) else ""


def in_progress(repo: Repository, state: RebaseState) -> bool:
    """Whether the rebase under way is ours."""
    return line_of(repo, "onto") == state.onto and line_of(repo, "orig-head") == state.target.tip


def read(repo: Repository) -> RebaseState | None:
    """What was kept, while the rebase runs and until the next upgrade. None where there is nothing to be read."""
    try:
        values = json.loads(read_small(_file(repo), STATE) or b"")
        return RebaseState(
            Target(*values["target"]),
            values["onto"],
            [(old, new) for old, new in values["written"]],
            [(old, pick) for old, pick in values["rest"]],
            values["subjects"],
            tuple(Preference(*one) for one in values["prefer"]),
            [(path, how) for path, how in values["settled"]],
            [(oid, why) for oid, why in values["dropped"]],
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(repo: Repository, state: RebaseState) -> None:
    path = _file(repo)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def _file(repo: Repository) -> str:
    return os.path.join(repo.place.git_dir, "ekf", "rebase")


def remove(repo: Repository, *names: str) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(repo.place.git_dir, "ekf", name))


def path_of(repo: Repository, name: str) -> str:
    return os.path.join(repo.place.git_dir, "rebase-merge", name)


def lines_of(repo: Repository, name: str) -> list[str]:
    try:
        with open(path_of(repo, name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read().split("\n")
    except OSError:
        return []


def line_of(repo: Repository, name: str) -> str:
    return next(iter(lines_of(repo, name)), "")
