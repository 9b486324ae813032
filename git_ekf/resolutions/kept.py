"""The resolutions as they are kept: a chain of commits, whose tree has a directory for each.

`KEY[:2]/KEY/` holds `base`, `ours`, `theirs` and `result` with their modes, so that all of it is
where it is needed, and `meta.json`: the path and its attributes. A commit adds directories and
changes none; who adds another answer beside one has made a contradiction, which people resolve.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container
from datetime import UTC, datetime
from typing import Any, NamedTuple

from git_ekf.git.calls import Git
from git_ekf.git.questions.history import MadeBy
from git_ekf.git.refs import RESOLUTIONS
from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.resolutions.question import ATTRIBUTES, Question

SIDES = ("base", "ours", "theirs")
RESULT = "result"
META = "meta.json"
_FILES = {*SIDES, RESULT, META}
_META_SIZE = 1 << 16  # bytes


class Resolution(NamedTuple):
    """An answer that somebody has given, by the `commit` that brought it.

    `tree` is the object id of its directory, `who` the committer's name as the commit has it,
    `seconds` when that was (since 1970). `fault` says why it is never used, "" for none that can be
    seen here; then there is a `question` that its key is made of, and a `result`.
    """

    key: str
    tree: str
    commit: str
    who: str
    seconds: int
    question: Question | None = None
    result: Entry | None = None
    fault: str = ""

    @property
    def short(self) -> str:
        """The key as people read it."""
        return self.key[:7]

    @property
    def date(self) -> str:
        """The day in UTC, as 2026-11-20; for a clock beyond all days the seconds."""
        try:
            return datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%d")
        except (ValueError, OverflowError, OSError):
            return str(self.seconds)

    @property
    def path(self) -> str:
        """The path that it is for; "" where that cannot be read."""
        return self.question.path if self.question else ""


def git_for(repo: Repository) -> Git:
    """The git that reads them: what is replaced here would be another one than was signed."""
    return repo.git.variant(env={"GIT_NO_REPLACE_OBJECTS": "1"})


def directory(key: str) -> str:
    """Where a resolution is in the tree."""
    return f"{key[:2]}/{key}"


def read_kept(git: Git, tip: str) -> dict[str, Resolution]:
    """Key -> resolution, of all that the commit `tip` has; {} for "". Raises GitFailed."""
    if not tip:
        return {}
    touching = _touching(git, tip)
    found = _by_key(git.ls_tree(tip, recursive=True))
    trees = git.objects_at(f"{tip}:{directory(key)}" for key in found)
    oids = {entry.oid for files in found.values() for entry in files.values()}
    blobs = {one.oid: one.size for one in git.object_infos(oids) if one and one.type == "blob"}
    metas = {files[META].oid for files in found.values() if META in files}
    small = [oid for oid in metas if oid in blobs and blobs[oid] <= _META_SIZE]
    contents = dict(zip(small, git.read_objects(small), strict=True))
    kept = {}
    for (key, files), (tree, _) in zip(found.items(), trees, strict=True):
        meta = contents.get(files[META].oid) if META in files else None
        question = _question(files, meta.content) if meta and set(files) == _FILES else None
        made = Resolution(key, tree, "", "", 0, question, files.get(RESULT))
        touches = touching.get(key, [])
        if touches:
            first, _ = touches[-1]
            made = made._replace(commit=first.oid, who=first.author.name, seconds=first.committed)
        kept[key] = made._replace(fault=_fault(made, files, touches, blobs))
    return kept


def withdrawn(git: Git, tip: str) -> set[str]:
    """The keys that have an answer in an earlier commit and none in `tip`. Raises GitFailed."""
    return _touching(git, tip).keys() - _by_key(git.ls_tree(tip, recursive=True)).keys()


# A commit that changes something of a resolution, and what it leaves there: name -> entry.
_Touch = tuple[MadeBy, dict[str, Entry | None]]


def _touching(git: Git, tip: str) -> dict[str, list[_Touch]]:
    """Key -> the commits that touch it, the newest first; merges bring nothing of their own."""
    parents = git.parents([tip])
    made = {one.oid: one for one in git.made_by([tip])}
    single = [oid for oid in made if len(parents[oid]) < 2]
    found: dict[str, list[_Touch]] = {}
    for commit in git.changes_of(single):
        left = {path: new for path, (_, new) in commit.changes.items()}
        for key, files in _by_key(left).items():
            found.setdefault(key, []).append((made[commit.oid], files))
    return found


def _by_key(paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Key -> name of a file -> its value, for what lies where resolutions do."""
    found: dict[str, dict[str, Any]] = {}
    for path, value in paths.items():
        place = re.fullmatch(r"([0-9a-f]{2})/(\1[0-9a-f]{62})/(.+)", path, re.DOTALL)
        if place:
            found.setdefault(place[2], {})[place[3]] = value
    return found


def _fault(
    made: Resolution, files: dict[str, Entry], touching: list[_Touch], blobs: Container[str]
) -> str:
    by = [f"{commit.oid[:7]} by {commit.author.name}" for commit, _ in touching]
    if len(by) > 1:
        return f"it has two answers, one of {by[-1]} and one of {by[0]}"
    if not touching or touching[0][1] != files:
        return "no commit of its own brought it as it is"
    if not all(entry.oid in blobs for entry in files.values()):
        return "an object of it is missing"
    if made.question is None:
        return "it is not whole"
    if made.question.key != made.key:
        return "it is kept under the key of another"
    if made.result and not made.result.is_file:
        return "its result is not a plain file"
    return ""


# --- meta.json ---


def meta_of(question: Question) -> bytes:
    """The bytes of `meta.json`."""
    values = {"version": 1, "path": question.path, "attributes": dict(question.attributes)}
    return json.dumps(values, indent=1).encode() + b"\n"


def _question(files: dict[str, Entry], meta: bytes) -> Question | None:
    """The question that the files answer; None where they are none."""
    try:
        values = json.loads(meta)
        attributes = values["attributes"]
        named = tuple((name, str(attributes[name])) for name in ATTRIBUTES if name in attributes)
        path = str(values["path"])
        os.fsencode(path)  # a surrogate that is no byte names no file
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if values.get("version") != 1 or len(named) != len(attributes):
        return None
    base, ours, theirs = (files[side] for side in SIDES)
    return Question(path, base, ours, theirs, named)


def known_tip(repo: Repository) -> str:
    """The commit that the resolutions are at here; "" where none is known."""
    return repo.git.ref_value(RESOLUTIONS)
