"""Moves files, refs, HEAD and settings together, wholly or not at all, and settles what a killed command began.

The order is: files and index, refs (in one transaction), HEAD, settings. Killed anywhere in between, the
refs say whether it happened: where they have moved the rest follows them, where they have not it goes back.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from typing import NamedTuple

from git_ekf.errors import EkfError, Refused
from git_ekf.git import Git
from git_ekf.journal import Journal, Operation, Setting, locked, uninterrupted
from git_ekf.output import with_article
from git_ekf.refs import HEADS, RefUpdate
from git_ekf.replay.stack import Changes, read_difference
from git_ekf.repository import Repository

# What a state becomes when the operation went through, and when it did not.
_ENDS = {"begun": ("done", "dropped"), "undoing": ("undone", "done")}


@contextmanager
def exclusive(repo: Repository) -> Iterator[Journal]:
    """The journal, for a command that changes refs: no other does at the same time, and nothing is left half-done.

    Raises Refused.
    """
    with locked(repo) as journal:
        settled = settle(repo, journal)
        if settled:  # what the caller found out before holds no longer
            raise Refused(f"{with_article(settled.command)} was cut off meanwhile; {outcome(settled)}", "git ekf status, then try again")
        yield journal


def outcome(settled: Operation) -> str:
    """What became of an operation that was cut off, as the end of a sentence."""
    return {"done": "it is finished now", "undone": "it is taken back now", "dropped": "nothing of it is left"}[settled.state]


def perform(
    repo: Repository,
    journal: Journal,
    command: str,
    updates: list[RefUpdate],
    head_after: str,
    settings: tuple[Setting, ...] = (),
    changes: Changes | None = None,
) -> None:
    """Does all of it, or nothing. `changes` is what it comes to for the files, where that is known.

    Raises Refused where something is in the way, GitFailed.
    """
    head = repo.head_branch or ""
    tips = _require_room(repo, Operation(0, command, tuple(updates), head, head_after, ""), changes)
    if tips[0] and tips[0] != repo.head:
        raise moved(HEADS + head)
    with uninterrupted():
        _carry_out(repo, journal, journal.begin(command, updates, head, head_after, repo.place.top, settings), tips)


def tracking(repo: Repository, branch: str) -> tuple[Setting, ...]:
    """The settings that make a branch track its channel."""
    wanted = {f"branch.{branch}.remote": repo.config.primary, f"branch.{branch}.merge": HEADS + branch}
    settings = (Setting(key, tuple(repo.git_settings(key)), (value,)) for key, value in wanted.items())
    return tuple(setting for setting in settings if setting.old != setting.new)


def take_back(repo: Repository, journal: Journal, operation: Operation) -> None:
    """Undoes all of an operation, or nothing. Raises Refused where something is in the way, GitFailed."""
    tips = _require_room(repo, operation.inverse())
    with uninterrupted():
        _carry_out(repo, journal, journal.mark(operation, "undoing"), tips)


def _carry_out(repo: Repository, journal: Journal, operation: Operation, tips: tuple[str, str]) -> None:
    way = _way(operation)
    before, after = tips
    try:
        if before != after:
            _check_out(repo, before, after)
        _move_refs(repo, way)
    except EkfError:
        settled = None
        with suppress(EkfError):  # else the next command does it, or says why it cannot
            settled = settle(repo, journal)
        if settled is None or settled.state != _ENDS[operation.state][0]:
            raise
        return
    journal.mark(operation, _ENDS[operation.state][0])


def _check_out(repo: Repository, before: str, after: str) -> None:
    code, _ = repo.git.run("read-tree", "-m", "-u", before, after, ok=(0, 128))
    if code:  # it goes by the index's timestamps alone, and stops at a file that was merely touched
        repo.git.run("update-index", "-q", "--refresh", ok=(0, 1, 128))  # a lock is for read-tree to report
        repo.git.run("read-tree", "-m", "-u", before, after)


def _way(operation: Operation) -> Operation:
    return operation.inverse() if operation.state == "undoing" else operation


class _Branch(NamedTuple):
    """A branch as it now is: its commit, whether it is checked out here, and the work tree where it is checked out."""

    commit: str
    is_here: bool
    worktree: str


_NONE = _Branch("", False, "")


def _branches(repo: Repository, way: Operation) -> dict[str, _Branch]:
    """Those that have a part in it, by their refs."""
    asked = {HEADS + way.head, HEADS + way.head_after, *(update.ref for update in way.updates if update.ref.startswith(HEADS))} - {HEADS}
    wanted = "--format=%(refname)%00%(objectname)%00%(HEAD)%00%(worktreepath)%00"
    fields = iter(repo.git.fields("for-each-ref", wanted, *sorted(asked)) if asked else ())
    # Behind each of them there is a line end.
    answers = zip((field.lstrip("\n") for field in fields), fields, fields, fields, strict=False)
    return {ref: _Branch(oid, mark == "*", path) for ref, oid, mark, path in answers if ref in asked}


def _tips(way: Operation, branches: dict[str, _Branch]) -> tuple[str, str]:
    """The commit of HEAD before and after; "" both when HEAD has no part in it."""
    if way.command.removeprefix("undo ") == "tag":
        return "", ""
    olds = {update.ref: update.old for update in way.updates}
    news = {update.ref: update.new for update in way.updates}
    head, head_after = HEADS + way.head, HEADS + way.head_after
    return olds.get(head) or branches.get(head, _NONE).commit, news.get(head_after) or branches.get(head_after, _NONE).commit


def _move_refs(repo: Repository, way: Operation) -> None:
    """Refs, HEAD and settings."""
    commands = [f"update {ref} {new} {old}\n" for ref, old, new in way.updates]
    leaves = any(update.deletes and update.ref == HEADS + way.head for update in way.updates)
    if leaves:
        _point_head(repo, way)
    if commands:
        repo.git.run("update-ref", "-m", f"git-ekf {way.command}", "--stdin", stdin=os.fsencode("".join(commands)))
    if not leaves:
        _point_head(repo, way)
    for setting in way.settings:
        set_setting(repo, setting)


def _value(repo: Repository, ref: str, like: str) -> str:
    return repo.git.ref_value(ref) or "0" * len(like)


def _point_head(repo: Repository, way: Operation) -> None:
    if way.head != way.head_after:
        # In these words, so that `git switch -` knows the way.
        reason = f"checkout: moving from {way.head} to {way.head_after}"
        repo.git.run("symbolic-ref", "-m", reason, "HEAD", HEADS + way.head_after)


def set_setting(repo: Repository, setting: Setting) -> None:
    """Brings a setting of the clone to its new values, from whatever it has."""
    if len(setting.new) == 1:
        repo.git.run("config", "--local", "--replace-all", setting.key, setting.new[0])
        return
    code, out = repo.git.run("config", "--local", "-z", "--get-all", setting.key, ok=(0, 1))
    if code == 0 and tuple(os.fsdecode(out).split("\0")[:-1]) != setting.new:
        repo.git.run("config", "--local", "--unset-all", setting.key)
        code = 1
    for value in setting.new if code else ():
        repo.git.run("config", "--local", "--add", setting.key, value)


# --- what may be in the way ---


def _require_room(repo: Repository, way: Operation, changes: Changes | None = None) -> tuple[str, str]:
    """The commit of HEAD before and after; `changes` is what is between them, where that is known.

    Raises Refused where a branch is not where it was, or is checked out elsewhere, or a file that git does not know would
    be written over.
    """
    branches = _branches(repo, way)
    for ref, old, new in way.updates:
        if ref.startswith(HEADS) and (branches.get(ref, _NONE).commit or "0" * len(new)) not in (old, new):
            raise moved(ref)
    for ref, branch in branches.items():
        path = branch.worktree
        if path and ref != HEADS + way.head and os.path.realpath(path) != os.path.realpath(repo.place.top):
            raise Refused(
                f"{ref.removeprefix(HEADS)} is checked out in {path}", f"git -C {shlex.quote(path)} switch --detach, then try again"
            )
    before, after = _tips(way, branches)
    if before == after:
        return before, after
    if not branches.get(HEADS + way.head, _NONE).is_here:
        raise moved("HEAD")
    _require_distinct(repo, before, after)
    if changes is None:
        changes = read_difference(repo.git, before, after)
    gone = {path for path, (_, new) in changes.items() if new is None}
    free: set[str] = set()
    for path in (path for path, (old, _) in changes.items() if old is None):
        # Ignored files are in the way too: git takes them for worthless, and would write over them.
        other = _in_the_way(repo, path, gone, free)
        if other:
            raise Refused(
                f"{other} is in the way: git does not track it here, and would write over it",
                f"mv {shlex.quote(other)} {shlex.quote(other + '.mine')}",
            )
    return before, after


def moved(ref: str) -> Refused:
    """The error for a branch, or HEAD, that is not where it was when the command began."""
    return Refused(f"{ref.removeprefix(HEADS)} has moved meanwhile", "git ekf status, then try again")


def _require_distinct(repo: Repository, before: str, after: str) -> None:
    """Raises Refused where the work tree does not tell upper from lower case, and files of the new commit would share a place."""
    if repo.git_setting("core.ignorecase") != "true":
        return
    known = _tree(repo, before)
    folded: dict[str, str] = {}
    for path in _tree(repo, after):
        other = folded.setdefault(path.casefold(), path)
        if other != path and not (path in known and other in known):  # those that are there already somebody lives with
            raise Refused(
                f"{other} and {path} differ in case only, and this file system takes them for one", "a case-sensitive file system"
            )


def _in_the_way(repo: Repository, path: str, gone: set[str], free: set[str]) -> str:
    """The untracked file or directory that a new file would meet, "" for none.

    `gone` are the files that git removes, `free` the directories that are known to be there, or to have room.
    """
    for folder in reversed(list(takewhile(lambda folder: folder not in free, _folders(path)))):
        whole = os.path.join(repo.place.top, folder)
        if folder not in gone and os.path.lexists(whole) and (os.path.islink(whole) or not os.path.isdir(whole)):
            return folder
        free.add(folder)
    whole = os.path.join(repo.place.top, path)
    if not os.path.lexists(whole):
        return ""
    if os.path.isdir(whole) and not os.path.islink(whole):
        inside = Git(repo.place.top).fields("ls-files", "-z", "--others", "--", f":(literal){path}")
        return inside[0].removesuffix("/") if inside else ""
    return path


def _folders(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path


# --- after a crash ---


def settle(repo: Repository, journal: Journal) -> Operation | None:
    """Ends what a killed command left begun; the operation, in the state it ended in. Raises Refused where only a person can."""
    operation = journal.unfinished()
    if operation is None:
        return None
    if operation.worktree not in ("", repo.place.top) and os.path.isdir(operation.worktree):
        raise Refused(
            f"{with_article(operation.command)} was cut off in the work tree {operation.worktree}", f"git -C {operation.worktree} ekf undo"
        )
    way = _way(operation)
    done, not_done = _ENDS[operation.state]
    if operation.command == "tag" and operation.state == "begun":  # only git knew what the new object would be
        made = [update._replace(new=value) for update in operation.updates if (value := repo.git.ref_value(update.ref))]
        return journal.mark(operation, done if made else not_done, made or None)
    here = repo.git.head_branch()
    now = [_value(repo, update.ref, update.new) for update in way.updates]
    happened = all(value == update.new for value, update in zip(now, way.updates, strict=True)) if now else here == way.head_after
    target = way if happened else way.inverse()
    ours = all(value in (update.old, update.new) for value, update in zip(now, way.updates, strict=True))
    # Where somebody has gone on from the half-way state, it is theirs.
    if ours and here in (way.head, way.head_after):
        before, after = _tips(target, _branches(repo, target))
        left = tuple(update for update, value in zip(target.updates, now, strict=True) if value != update.new)
        with uninterrupted():
            if before != after:
                _write_files(repo, operation.command, before, after)
            _move_refs(repo, target._replace(updates=left, head=here))
    return journal.mark(operation, done if happened else not_done)


def _write_files(repo: Repository, command: str, before: str, after: str) -> None:
    """Index and files as in `after`, where they are somewhere between the two commits. Raises Refused where one holds something else."""
    trees = [_tree(repo, before), _tree(repo, after)]
    touched = {path for path in trees[0].keys() | trees[1].keys() if trees[0].get(path) != trees[1].get(path)}
    status = repo.git.fields("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")
    known = {entry[3:] for entry in status if entry[3:] in trees[1]}
    for path in sorted(touched | known):
        if not _is_ours(repo, path, {tree[path] for tree in trees if path in tree}):
            raise Refused(
                f"{with_article(command)} was cut off, and {path} was changed since",
                "git stash -u, then: git ekf undo, then: git stash pop",
            )
    repo.git.run("read-tree", "--reset", "-u", after)
    for path in touched - trees[1].keys():  # those that were written, but not yet in the index
        with suppress(OSError):
            os.unlink(os.path.join(repo.place.top, path))
            os.removedirs(os.path.dirname(os.path.join(repo.place.top, path)))


def _tree(repo: Repository, commit: str) -> dict[str, str]:
    """path -> mode, type and object id."""
    entries = (entry.partition("\t") for entry in repo.git.fields("ls-tree", "-r", "-z", "--full-tree", commit))
    return {path: value for value, _, path in entries}


def _is_ours(repo: Repository, path: str, entries: set[str]) -> bool:
    """Whether a file holds one of these blobs, or the beginning of one: git was killed while it wrote."""
    whole = os.path.join(repo.place.top, path)
    if os.path.islink(whole):
        content = os.fsencode(os.readlink(whole))
    elif os.path.isfile(whole):
        with open(whole, "rb") as file:
            content = file.read()
    else:  # nothing there that could be lost; git minds directories itself
        return True
    blobs = {entry.split(" ")[2] for entry in entries}
    import hashlib  # 4 ms of every command that moves something

    digest = hashlib.new(repo.place.object_format, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if digest in blobs or (not os.path.islink(whole) and Git(repo.place.top).text("hash-object", "--", path) in blobs):
        return True
    return any(repo.git.run("cat-file", "blob", blob)[1].startswith(content) for blob in blobs)
