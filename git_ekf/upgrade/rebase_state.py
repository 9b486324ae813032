"""The rebase that a command of ours goes on in: what is kept of it, and what git's own files say.

It is kept in `ekf/rebase`, in the git directory of the work tree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.replay.step import Settlement
from git_ekf.repository import Repository
from git_ekf.smallfile import STATE, read_small, write_small
from git_ekf.upgrade.target import Target

if TYPE_CHECKING:
    from git_ekf.resolutions.question import Question
    from git_ekf.upgrade.prefer import Preference

# What a rebase of ours runs at its end (`rebase_todo`).
LAST_STEP = "last-step"


class RebaseState(NamedTuple):
    """The state of a rebase, kept while it runs. It began at `onto`, with `written` below it.

    `rest` is what it was given to pick: (original, the same migrated or made one line, else the
    original again). `settled` are the conflicts decided without asking, `dropped` are (commit,
    why). `vendor` are the states of the vendor's that superseded commits are looked for between, ()
    where nobody looks; `drops` says whether one is left out without a question, and `superseded`
    are those left out. `asked` are (commit, question) of the conflicts in files that were left to
    the user, where resolutions are shared; `breaking` is as of `Resolutions`.
    """

    target: Target
    onto: str
    rest: list[tuple[str, str]]
    subjects: dict[str, str]
    written: Sequence[tuple[str, str]] = ()
    prefer: tuple[Preference, ...] = ()
    settled: Sequence[Settlement] = ()
    dropped: Sequence[tuple[str, str]] = ()
    vendor: tuple[str, ...] = ()
    drops: bool = False
    superseded: tuple[str, ...] = ()
    asked: tuple[tuple[str, Question], ...] = ()
    breaking: Mapping[str, str] = {}

    @property
    def originals(self) -> dict[str, str]:
        """The commits that it was given to pick -> those that they were made of."""
        return {pick: oid for oid, pick in self.rest}

    @property
    def is_rewritten(self) -> bool:
        """Whether it picks other commits than those of the branch: migrated, or made one line."""
        return any(oid != pick for oid, pick in self.rest)


def under_way(repo: Repository) -> str:
    """The command (upgrade or sync) that goes on in the rebase under way.

    "" where there is none, or it is another's.
    """
    state = read(repo) if repo.operation == "rebase" else None
    return state.target.command if state and in_progress(repo, state) else ""


def in_progress(repo: Repository, state: RebaseState) -> bool:
    """Whether the rebase under way is ours."""
    onto, began_at = lines_of(repo, "onto")[:1], lines_of(repo, "orig-head")[:1]
    return onto == [state.onto] and began_at == [state.target.tip]


def read(repo: Repository) -> RebaseState | None:
    """The state of the last rebase of ours; None where none was kept, or it cannot be read."""
    import json  # 2 ms, which only an upgrade that stops needs

    from git_ekf.resolutions.question import question_from
    from git_ekf.upgrade.prefer import Preference

    try:
        known = json.loads(read_small(path_of(repo, "rebase"), STATE) or b"")
        values = {**RebaseState._field_defaults, **known}
        for name in ("written", "rest", "dropped"):
            values[name] = [(first, second) for first, second in values[name]]
        settled = [Settlement(*words) for words in values["settled"]]
        values["settled"] = [
            one._replace(lost=tuple(one.lost), builds=tuple(one.builds)) for one in settled
        ]
        values["target"] = Target(*values["target"])
        values["prefer"] = tuple(Preference(*words) for words in values["prefer"])
        for name in ("vendor", "superseded"):
            values[name] = tuple(map(str, values[name]))
        values["breaking"] = dict(values["breaking"])
        values["asked"] = tuple((oid, question_from(words)) for oid, words in values["asked"])
        return RebaseState._make(values[name] for name in RebaseState._fields)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(repo: Repository, state: RebaseState) -> None:
    """Keeps it, so that it survives a crash of the system."""
    import json

    settled = [one.shortened() for one in state.settled]
    path = path_of(repo, "rebase")
    write_small(path, json.dumps(state._replace(settled=settled)._asdict()).encode())


def path_of(repo: Repository, name: str) -> str:
    """A file of ours: `last-step`, `originals`, `rebase`, `rewritten` or `todo`."""
    return os.path.join(repo.place.git_dir, "ekf", name)


def remove(repo: Repository, *names: str) -> None:
    """Removes files of ours, where they are there."""
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(path_of(repo, name))


# --- git's own files ---


def lines_of(repo: Repository, name: str) -> list[str]:
    """The lines of a file of the rebase that git keeps (git-rebase(1)); none without the file."""
    try:
        content = read_small(_gits(repo, name), STATE)
    except OSError:
        return []
    return os.fsdecode(content).split("\n") if content is not None else []


def append(repo: Repository, name: str, *lines: str) -> None:
    """Adds lines to such a file."""
    with open(_gits(repo, name), "a", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{line}\n" for line in lines)


def _gits(repo: Repository, name: str) -> str:
    return os.path.join(repo.place.git_dir, "rebase-merge", name)
