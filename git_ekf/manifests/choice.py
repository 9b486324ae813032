"""Which kustomizations two commits have in common, and which of them are to be built."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from git_ekf.errors import UsageError
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.repository import Repository

OVERLAY = "overlays/deploy"


class Kustomization(NamedTuple):
    """A directory to build, relative to the top ("." is the top itself), and in which of the two commits it is."""

    path: str
    in_old: bool
    in_new: bool


class Choice(NamedTuple):
    """What is built, and why that: arguments, apply.paths, overlays, configuration, or command: it takes no path."""

    reason: str
    kustomizations: list[Kustomization]


# --- what to build ---


def choose(repo: Repository, old: str, new: str, paths: Sequence[str]) -> Choice:
    """Which kustomizations of two commits to compare; `paths` are relative to the top. Raises UsageError."""
    before, after = (
        _Tree(repo.git.fields("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit))
        for commit in (old, new)
    )
    overlays = sorted(
        path
        for path in before.kustomizations | after.kustomizations
        if f"/{path}".endswith(f"/{OVERLAY}")
    )
    if not any("{path}" in word for word in repo.config.render_command[1:]):
        if paths:
            raise UsageError(
                "render.command has no {path}, so it builds everything at once",
                "git ekf diff --rendered",
            )
        reason, chosen = "command", ["."]
    elif paths:
        reason, chosen = (
            "arguments",
            [found for path in paths for found in _below(path, before, after, overlays)],
        )
    elif repo.config.apply_paths:
        reason, chosen = "apply.paths", [_inside(path) for path in repo.config.apply_paths]
    elif overlays:
        reason, chosen = "overlays", overlays
    else:
        reason, chosen = (
            "configuration",
            _touched(repo, old, new, before.kustomizations | after.kustomizations),
        )
    if not chosen:
        raise UsageError("there is no kustomization to compare", "git ekf diff --rendered PATH")
    return Choice(reason, [_sides(path, before, after) for path in dict.fromkeys(chosen)])


class _Tree:
    def __init__(self, files: list[str]) -> None:
        self.paths = {".", *files}
        for file in files:
            while (file := posixpath.dirname(file)) and file not in self.paths:
                self.paths.add(file)
        self.kustomizations = {
            posixpath.dirname(file) or "."
            for file in files
            if posixpath.basename(file) in KUSTOMIZATIONS
        }


def _below(path: str, before: _Tree, after: _Tree, overlays: list[str]) -> list[str]:
    """The path itself; for a directory without a kustomization, the deploy overlays below it."""
    if path not in before.paths | after.paths:
        raise UsageError(
            f"{path} is in neither commit", "git ekf diff --rendered compares all kustomizations"
        )
    if path in before.kustomizations | after.kustomizations:
        return [path]
    return [overlay for overlay in overlays if path == "." or overlay.startswith(f"{path}/")] or [
        path
    ]


def _inside(path: str) -> str:
    normal = posixpath.normpath(path)
    if normal.startswith(("/", "../")) or normal == "..":
        raise UsageError(
            f"apply.paths: {path} is outside the repository", "git ekf diff --rendered PATH"
        )
    return normal


def _sides(path: str, before: _Tree, after: _Tree) -> Kustomization:
    # A directory that is a kustomization on one side only is not there on the other, whatever else is in it.
    # One that is none on either side is for a builder other than kustomize.
    named = path in before.kustomizations | after.kustomizations
    old, new = ((tree.kustomizations if named else tree.paths) for tree in (before, after))
    return Kustomization(path, path in old, path in new)


def _touched(repo: Repository, old: str, new: str, kustomizations: set[str]) -> list[str]:
    """The outermost kustomizations in the customer's own top-level directories that configuration commits touched."""
    globs = [f"--glob={glob}" for glob in repo.vendor_globs()]
    files = repo.git.fields(
        "log",
        "--format=",
        "--name-only",
        "--no-renames",
        "-z",
        old,
        new,
        "--not",
        *globs,
        "--not",
        "--",
    )
    theirs = _vendor_directories(repo, old, new) - set(repo.config.customer_paths)
    tops = {file.partition("/")[0] for file in files if "/" in file} - theirs
    ours = {path for path in kustomizations if path.partition("/")[0] in tops}
    return sorted(path for path in ours if not any(parent in ours for parent in _parents(path)))


def _vendor_directories(repo: Repository, *commits: str) -> set[str]:
    bases = {
        repo.git.merge_base(commit, channel)
        for commit in commits
        for channel in repo.channels.values()
    } - {None}
    return {
        name
        for base in bases
        if base
        for name in repo.git.fields("ls-tree", "-d", "-z", "--name-only", "--full-tree", base)
    }


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
