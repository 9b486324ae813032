"""Whether a deploy tool finds nothing but what HEAD has, so that the record says what was applied.

A tool may read what lies beside its path, as a kustomization does with its bases. So no file in
the work tree may be another one than it seems; and below the path, also by way of links, there may
be none that git does not have.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase

from git_ekf.errors import Refused
from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell

_LINK = "120000"
# git believes that a file has not changed by less than it could (git-config(1)).
_BELIEVING = {"core.checkstat": "default", "core.trustctime": "true"}


def require_only_commits(repo: Repository, paths: list[str]) -> list[str]:
    """Raises Refused where a tool would see files that HEAD does not have, or has otherwise.

    `paths` are relative to the top. Returns the files that git ignores and the links to what it
    does not have, as far as the configuration lets them through.
    """
    files = repo.git.ls_tree(repo.head or "", recursive=True)
    _require_not_replaced(repo, files)
    folders, outward = _followed(repo, files, paths)
    _require_not_hidden(repo, folders)
    _require_looked_at(repo)
    git = repo.git.variant(repo.place.top)
    ignored, others = _allowed(repo, git.ignored_files(folders))
    if others:
        raise Refused(
            f"{_named(others)} ignored by git, so that no record would have what is applied",
            f"move it elsewhere, or: {repo.how_to_allow('apply.ignored', others[0])}",
        )
    links, others = _allowed(repo, outward)
    if others:
        raise Refused(
            f"{_named(others)} a link to what HEAD does not have, so that no record would have what"
            " is applied",
            f"put a file in its place, or: {repo.how_to_allow('apply.ignored', others[0])}",
        )
    return sorted({*ignored, *links})


def _require_not_replaced(repo: Repository, files: dict[str, Entry]) -> None:
    """Raises Refused where git shows something else as HEAD than others have by that name."""
    others = repo.replaced.keys()
    if not others:
        return
    head = repo.head or ""
    true = repo.git.variant(env={"GIT_NO_REPLACE_OBJECTS": "1"})
    if true.ls_tree(head, recursive=True) != files:
        known = {head, *true.trees_of(head)}
        raise Refused(
            f"git shows other files as {head[:12]} here than that commit has (git replace)",
            f"git replace --delete {shell(*sorted(known & others))} && git status",
        )


def _followed(
    repo: Repository, files: dict[str, Entry], paths: list[str]
) -> tuple[list[str], list[str]]:
    """The paths and where links of HEAD in them lead to; and the links that lead out of HEAD."""
    top = os.path.realpath(repo.place.top)
    links = [path for path, entry in files.items() if entry.mode == _LINK]
    known = _with_folders(files)
    within = dict.fromkeys(paths)
    outward = []
    for path in within.copy():
        within[os.path.relpath(os.path.realpath(os.path.join(top, path)), top)] = None
    left = list(within)
    while left:
        folder = left.pop()
        for link in links:
            if link in within or not is_below(link, folder):
                continue
            target = os.path.realpath(os.path.join(top, link))
            relative = os.path.relpath(target, top)
            within[link] = None
            if not os.path.exists(target):  # no tool can read it
                continue
            if relative not in known:
                outward.append(link)
            elif relative not in within:
                within[relative] = None
                left.append(relative)
    return list(within), outward


def _with_folders(files: Iterable[str]) -> set[str]:
    """Paths with all that are directories then."""
    known = {os.curdir, *files}
    for path in files:
        while (path := os.path.dirname(path)) and path not in known:
            known.add(path)
    return known


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it, both relative to the top."""
    return folder in (os.curdir, path) or path.startswith(f"{folder}/")


def _require_not_hidden(repo: Repository, folders: list[str]) -> None:
    """Raises Refused for files that git was told not to look at, and that are not what it takes
    them for. Of those that are not there, as in a sparse checkout, only some folders count.
    """
    hidden = []
    for path in repo.git.variant(repo.place.top).hidden_changes():
        is_there = os.path.lexists(os.path.join(repo.place.top, path))
        if is_there or any(is_below(path, folder) for folder in folders):
            hidden.append(path)
    if hidden:
        seen = shell(*(from_here(path, repo.place.top) for path in hidden))
        raise Refused(
            f"{_named(hidden)} changed, and git was told not to look",
            f"git update-index --no-assume-unchanged -- {seen}"
            f" && git update-index --no-skip-worktree -- {seen}",
        )


def _require_looked_at(repo: Repository) -> None:
    """Raises Refused for files that have changed while git does not look closely."""
    if not any(map(repo.git_setting, _BELIEVING)):
        return
    settings = [f"{key}={value}" for key, value in _BELIEVING.items()]
    close = repo.git.variant(settings=settings)
    changed = [change.path for change in close.asking_status(untracked=False).result()]
    if changed:
        seen = shell(*(from_here(path, repo.place.top) for path in changed))
        raise Refused(
            f"{_named(changed)} changed, and core.checkStat and core.trustctime hide it",
            f"touch -- {seen} && git status",
        )


def _allowed(repo: Repository, paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those that the configuration lets through, and the others."""
    allowed: list[str] = []
    others: list[str] = []
    for path in paths:
        names = (path, os.path.basename(path))
        patterns = repo.config.apply_ignored
        is_allowed = any(fnmatchcase(name, pattern) for pattern in patterns for name in names)
        (allowed if is_allowed else others).append(path)
    return allowed, others


def _named(paths: list[str]) -> str:
    """Some files as the subject of a sentence."""
    more = len(paths) - 3
    shown = ", ".join(paths[:3]) + (f" and {more} more" if more > 0 else "")
    return f"{shown} {'is' if len(paths) == 1 else 'are'}"
