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
        found = [] if ends else _range(repo, word)
        if not found:
            end = _end(repo, word)
            found = [end] if end else []
        if not found:
            break
        if behind is None:
            _require_no_path(word, "git ekf diff")
        ends += found
        words = words[1:]
    if behind is not None and words:
        raise _unknown(words[0])
    if not ends:
        last = read.find(repo, "")
        ends.append(End(str(last.name), str(last.name), last.commit))
    if len(ends) == 1:
        if repo.head is None:
            raise Refused("there is no commit to compare with yet", "git ekf status")
        ends.append(End("HEAD", None, repo.head))
    old, new = ends
    _require_paths(repo, old, new, words)
    paths = words if behind is None else behind
    for path in paths:
        if not path.startswith(":"):  # magic of git's
            _top_path(repo, path)
    return old, new, paths


def read_end(
    repo: Repository, words: list[str], behind: list[str] | None, command: str
) -> tuple[End, list[str]]:
    """One revision, by default HEAD, and the paths; `behind` as in `read_ends`.

    Raises UsageError, in whose hint `command` stands; Refused where there is no commit yet.
    """
    end = _end(repo, words[0]) if words else None
    if end:
        if behind is None:
            _require_no_path(words[0], command)
        words = words[1:]
    elif repo.head is None:
        raise Refused("there is no commit to build yet", "git ekf status")
    else:
        end = End("HEAD", None, repo.head)
    if behind is not None:
        if words:
            raise _unknown(words[0])
        return end, behind
    _require_paths(repo, end, end, words, f"{command} -h")
    return end, words


def named_end(repo: Repository, word: str) -> End:
    """The deploy record or the revision of a name. Raises UsageError."""
    end = _end(repo, word)
    if end is None:
        raise _unknown(word)
    return end


def _unknown(word: str) -> UsageError:
    """The error for a word that names no revision, where there may be no other."""
    return UsageError(
        f"{word} is neither a deploy record nor a revision", "git ekf log lists the records"
    )


def _require_paths(
    repo: Repository, old: End, new: End, words: list[str], hint: str = HELP
) -> None:
    """Raises UsageError for a word that is no path in either."""
    for word in words:
        if not _is_path(repo, old, new, word, hint):
            raise UsageError(
                f"{word} is neither a deploy record, a revision nor a path",
                "git ekf log lists the records",
            )


def _require_no_path(word: str, command: str) -> None:
    """Raises UsageError for a revision that is a path as well."""
    if os.path.lexists(word):
        raise UsageError(
            f"{word} is both a revision and a path",
            f"{command} {shell(word)} -- for the revision, {command} -- {shell(word)} otherwise",
        )


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


def _is_path(repo: Repository, old: End, new: End, word: str, hint: str) -> bool:
    """Whether it is there now, or was in one of the two; a pattern of git's is taken as it is."""
    if os.path.lexists(word) or word.startswith(":") or set(word) & set("*?["):
        return True
    if not word:
        return False
    path = _top_path(repo, word, hint)
    if path == ".":
        return True
    return any(repo.git.ref_value(f"{end.commit}:{path}") for end in (old, new))


def from_top(repo: Repository, paths: list[str], hint: str = HELP) -> list[str]:
    """Directories to build, as the repository knows them.

    Raises UsageError for one outside it, with the hint.
    """
    found = []
    for word in paths:
        path = _top_path(repo, word, hint)
        if posixpath.basename(path) in KUSTOMIZATIONS:
            path = posixpath.dirname(path) or "."
        found.append(path)
    return found


def _top_path(repo: Repository, word: str, hint: str = HELP) -> str:
    here = os.path.join(os.getcwd(), word)
    path = os.path.relpath(here, repo.place.top) if repo.place.top else posixpath.normpath(word)
    if path.startswith("../") or path == ".." or os.path.isabs(path):
        raise UsageError(f"{word} is outside the repository", hint)
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
