"""The two ends of a comparison: records, releases or commits, and the paths between them."""

from __future__ import annotations

import os
import posixpath
from typing import NamedTuple

from git_ekf.deploy import read
from git_ekf.errors import Refused, UsageError
from git_ekf.names import KUSTOMIZATIONS
from git_ekf.records import record_names
from git_ekf.repository import Repository
from git_ekf.shown import shell

HELP = "git ekf diff -h"


class End(NamedTuple):
    """One of the two that are compared: as it was named, the deploy record it is, its commit."""

    name: str
    record: str | None
    commit: str


# --- what is compared ---


def read_ends(
    repo: Repository, words: list[str], behind: list[str] | None
) -> tuple[End, End, list[str]]:
    """A, B and the paths, told apart as git diff does.

    `behind` is what stands behind `--`, which are only paths; None without it, and then `words`
    are both. Raises UsageError, Refused where there is no record to begin with.
    """
    ends: list[End] = []
    while words and len(ends) < 2:
        word = words[0]
        found = _range(repo, word) if not ends else []
        if not found:
            end = _end(repo, word)
            found = [end] if end else []
        if not found:
            break
        if behind is None and os.path.lexists(word):
            raise UsageError(
                f"{word} is both a revision and a path",
                f"git ekf diff {shell(word)} -- for the revision,"
                f" git ekf diff -- {shell(word)} otherwise",
            )
        ends += found
        words = words[1:]
    if behind is not None and words:
        raise UsageError(
            f"{words[0]} is neither a deploy record nor a revision", "git ekf log lists the records"
        )
    if not ends:
        last = read.find(repo, "")
        ends.append(End(str(last.name), str(last.name), last.commit))
    if len(ends) == 1:
        if repo.head is None:
            raise Refused("there is no commit to compare with yet", "git ekf status")
        ends.append(End("HEAD", None, repo.head))
    old, new = ends
    for word in words:
        if not _is_path(repo, old, new, word):
            raise UsageError(
                f"{word} is neither a deploy record, a revision nor a path",
                "git ekf log lists the records",
            )
    paths = words if behind is None else behind
    for path in paths:
        if not path.startswith(":"):  # magic of git's
            _top_path(repo, path)
    return old, new, paths


def _range(repo: Repository, word: str) -> list[End]:
    """Both ends of A..B, where an empty one is HEAD; none when the word is no such range."""
    left, dots, right = word.partition("..")
    if not dots or right.startswith("."):
        return []
    ends = [_end(repo, name or "HEAD") for name in (left, right)]
    return [end for end in ends if end] if all(ends) else []


def _end(repo: Repository, word: str) -> End | None:
    """The revision that a word names, or the record, in a spelling that is not a revision.

    Raises UsageError where it could be several records.
    """
    if not word:
        return None
    commit = repo.git.commit(word)
    if commit:
        name = word.removeprefix("refs/").removeprefix("tags/")
        return End(word, name if name in record_names(repo) else None, commit)
    try:
        record = read.find(repo, word)
    except UsageError as error:
        if " could be " in error.message and not os.path.lexists(word):
            raise
        return None
    return End(str(record.name), str(record.name), record.commit)


def _is_path(repo: Repository, old: End, new: End, word: str) -> bool:
    """Whether it is there now, or was in one of the two; a pattern of git's is taken as it is."""
    if os.path.lexists(word) or word.startswith(":") or set(word) & set("*?["):
        return True
    if not word:
        return False
    path = _top_path(repo, word)
    if path == ".":
        return True
    return any(repo.git.ref_value(f"{end.commit}:{path}") for end in (old, new))


def from_top(repo: Repository, paths: list[str]) -> list[str]:
    """Directories to build, as the repository knows them. Raises UsageError for one outside it."""
    found = []
    for word in paths:
        path = _top_path(repo, word)
        if posixpath.basename(path) in KUSTOMIZATIONS:
            path = posixpath.dirname(path) or "."
        found.append(path)
    return found


def _top_path(repo: Repository, word: str) -> str:
    here = os.path.join(os.getcwd(), word)
    path = os.path.relpath(here, repo.place.top) if repo.place.top else posixpath.normpath(word)
    if path.startswith("../") or path == ".." or os.path.isabs(path):
        raise UsageError(f"{word} is outside the repository", HELP)
    return path


# --- files ---


def changed_files(
    repo: Repository, old: End, new: End, paths: list[str]
) -> list[dict[str, object]]:
    """Changed files; added and deleted count lines and are None for a binary file."""
    found: list[dict[str, object]] = []
    for file in repo.git.changed_files(old.commit, new.commit, paths):
        old_path = file.old_path if file.old_path != file.path else None
        found.append(
            {
                "path": file.path,
                "old_path": old_path,
                "status": file.status,
                "added": file.added,
                "deleted": file.deleted,
            }
        )
    return found
