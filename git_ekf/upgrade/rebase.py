"""An upgrade or sync that goes on in an ordinary `git rebase`, and how it is recognised however that ends.

The rebase runs on the branch that was checked out, so `git rebase --abort` leads back to where it began. Its last
line, an `exec`, makes the new branch and lets the rebase end on it. What the rebase has to be told from another by,
and what is not in it, is in `ekf/rebase` in the git directory of the work tree.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import NamedTuple

from git_ekf.errors import CallFailed, Refused
from git_ekf.git.complaints import lock_in_the_way
from git_ekf.git.refs import HEADS, PICKS, RefUpdate
from git_ekf.git.trees import Entry
from git_ekf.repository import Repository
from git_ekf.transaction.journal import Journal, Setting
from git_ekf.upgrade.prefer import Preference, merge_file, side_of
from git_ekf.upgrade.rebase_end import recognise
from git_ekf.upgrade.rebase_state import (
    RebaseState,
    in_progress,
    line_of,
    lines_of,
    path_of,
    read,
    remove,
    write,
)
from git_ekf.upgrade.target import UPGRADE, Target


class File(NamedTuple):
    """A path in conflict. `what` says what the two sides did, `vendor` is the vendor's last commit there ("" if none is known)."""

    path: str
    what: str
    vendor: str


class Stopped(NamedTuple):
    """Where the rebase waits for the user: at a commit, with files in conflict, or (`said`) because git cannot go on.

    `number` of `total` counts configuration commits; `commit` is "" where git was cut off between two of them.
    """

    target: Target
    commit: str
    subject: str
    number: int
    total: int
    files: list[File]
    state: RebaseState
    said: str


class Ended(NamedTuple):
    """The rebase is over, and the commits are on the goal; `commits` are (original, new)."""

    target: Target
    commits: list[tuple[str, str]]
    tip: str
    state: RebaseState


# --- beginning ---


def start(
    repo: Repository,
    journal: Journal,
    state: RebaseState,
    updates: list[RefUpdate],
    settings: tuple[Setting, ...],
) -> Stopped | Ended:
    """Goes on with the commits of `state.rest`; `updates` are what it all comes to. Raises CallFailed where the rebase does not begin."""
    target = state.target
    remove(repo, "rewritten")
    write(repo, state)
    unknown = [updates[0]._replace(new=""), *updates[1:]]
    if any(oid != pick for oid, pick in state.rest):
        unknown.append(RefUpdate(f"{PICKS}{target.goal}", "0" * len(target.tip), state.rest[-1][1]))
    journal.begin(
        target.command, unknown, target.branch, target.goal, repo.place.top, settings, "handed over"
    )
    repo.git.update_refs(unknown[1:])
    with open(os.path.join(repo.place.git_dir, "ekf", "originals"), "w", encoding="ascii") as file:
        file.writelines(f"s/^{pick} /{oid} /\n" for oid, pick in state.rest if oid != pick)
    todo = os.path.join(repo.place.git_dir, "ekf", "todo")
    with open(todo, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"pick {pick} {state.subjects[oid]}\n" for oid, pick in state.rest)
        file.write(f"exec {_last_line(repo, target)}\n")
    code, said = repo.git.start_rebase(repo.place.top, todo, state.onto, target.base)
    os.unlink(todo)
    if in_progress(repo, state):
        with open(path_of(repo, "rewritten-list"), "a", encoding="ascii") as file:
            file.writelines(
                f"{old} {new}\n" for old, new in state.written
            )  # for notes and the post-rewrite hook
    elif code:
        recognise(repo, journal)
        raise CallFailed(
            f"git rebase did not begin: {_words(said)}; nothing was changed", "git status"
        )
    return _drive(repo, journal, state, code, said)


def _last_line(repo: Repository, target: Target) -> str:
    """What the rebase runs at its end, in the shell. It knows nothing of git-ekf, which an editor's PATH may not have."""
    there = '"$(git rev-parse --git-path {0})"'.format
    # Notes and hooks are to hear of the user's own commits, not of what a migration has made of them.
    rename = f'sed -f {there("ekf/originals")} "$list" >"$list.new" && mv "$list.new" "$list"'
    keep = f'list={there("rebase-merge/rewritten-list")}; [ ! -f "$list" ] || {{ {rename} && cp "$list" {there("ekf/rewritten")}; }}'
    if target.command != UPGRADE:
        return keep
    goal, upstream = shlex.quote(target.goal), shlex.quote(f"{repo.config.primary}/{target.goal}")
    branch = f"git show-ref --quiet --verify refs/heads/{goal} || git branch --no-track {goal} {target.tip}"  # it may be done twice
    return (
        f"{{ {branch}; }} && git branch --quiet --set-upstream-to={upstream} {goal}"
        f" && echo {shlex.quote(HEADS + target.goal)} >{there('rebase-merge/head-name')} && {{ {keep}; }}"
    )


# --- going on ---


def proceed(repo: Repository, journal: Journal, how: str) -> Stopped | Ended:
    """`how` is continue or skip. Raises Refused where nothing is in progress, or files are still in conflict."""
    state = require_in_progress(repo)
    if how == "continue":
        left = sorted(repo.git.variant(repo.place.top).unmerged())
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise Refused(
                f"{left[0]}{more} is still in conflict",
                f"edit, then: git add {shlex.quote(left[0])}",
            )
    _require_whole(repo, state)
    if not _end(repo, state):
        _mend(repo, state)
        code, said = repo.git.resume_rebase(repo.place.top, how)
    else:
        code, said = 0, ""
    return _drive(repo, journal, state, code, said)


def _require_whole(repo: Repository, state: RebaseState) -> None:
    """Raises Refused where git was killed while it picked a commit: it would go on without that one."""
    accounted = {
        line.split(" ")[0]
        for name in ("rewritten-list", "rewritten-pending")
        for line in lines_of(repo, name)
    }
    stop = repo.git.ref_value("REBASE_HEAD")
    picked = [line.split(" ")[1] for line in lines_of(repo, "done") if line.startswith("pick ")]
    lost = [
        pick
        for _, pick in state.rest
        if pick not in accounted and pick != stop and any(pick.startswith(oid) for oid in picked)
    ]
    if lost:
        raise Refused(
            f"git was cut off while it picked {lost[0][:7]}, and would go on without it",
            f"git ekf {state.target.command} --abort, then begin again: what was resolved is remembered",
        )


def _end(repo: Repository, state: RebaseState) -> bool:
    """Ends a rebase that was cut off when all was done but to check the branch out. Whether it was so."""
    goal = HEADS + state.target.goal
    left = [line for line in lines_of(repo, "git-rebase-todo") if line and not line.startswith("#")]
    head = repo.git.commit("HEAD")
    if (
        left
        or line_of(repo, "head-name") != goal
        or repo.git.ref_value(goal) != head
        or head == state.target.tip
    ):
        return False
    repo.git.point_head(goal, f"rebase (finish): returning to {goal}")
    repo.git.quit_rebase()
    return True


def _mend(repo: Repository, state: RebaseState) -> None:
    """Gives the rebase its last line back, where it was cut off in it: without it the old branch would be moved."""
    target = state.target
    if target.command == UPGRADE and line_of(repo, "head-name") != HEADS + target.goal:
        last = f"exec {_last_line(repo, target)}"
        if last not in lines_of(repo, "git-rebase-todo"):
            with open(
                path_of(repo, "git-rebase-todo"), "a", encoding="utf-8", errors="surrogateescape"
            ) as file:
                file.write(f"{last}\n")


def abort(repo: Repository, journal: Journal) -> Target:
    """Back to where it began. Raises Refused, GitFailed."""
    state = require_in_progress(repo)
    _require_unlocked(repo, state.target)
    repo.git.abort_rebase()
    recognise(repo, journal)
    if not repo.git.is_head(HEADS + state.target.branch, state.target.tip):
        raise CallFailed(
            f"git rebase --abort did not lead back to {state.target.branch}",
            f"git switch --force {state.target.branch}",
        )
    return state.target


def _require_unlocked(repo: Repository, target: Target) -> None:
    """Raises Refused for a lock that a killed git has left: `git rebase --abort` would forget the rebase without leading back."""
    place = repo.place
    own = (
        os.path.join(place.git_dir, name)
        for name in ("index", "HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "ORIG_HEAD")
    )
    branches = (
        os.path.join(place.common_dir, HEADS + branch) for branch in (target.branch, target.goal)
    )
    shared = (
        os.path.join(place.common_dir, name) for name in ("packed-refs", "reftable/tables.list")
    )
    for path in (*own, *branches, *shared):
        if os.path.exists(path + ".lock"):
            raise lock_in_the_way(path + ".lock")


def require_in_progress(repo: Repository) -> RebaseState:
    """Raises Refused."""
    state = read(repo)
    if state is None or not in_progress(repo, state):
        raise Refused(
            "no upgrade or sync is in progress",
            "git ekf status; git ekf undo takes back a finished one",
        )
    return state


def _drive(
    repo: Repository, journal: Journal, state: RebaseState, code: int, said: str
) -> Stopped | Ended:
    """Goes on for as long as every conflict is settled without asking: by rerere, or by the user's preferences."""
    while in_progress(repo, state):
        unmerged = repo.git.variant(repo.place.top).unmerged()
        settled = _replayed(repo, unmerged, said)
        resolved = {path for path, _ in settled}
        settled += _preferred(
            repo,
            {path: stages for path, stages in unmerged.items() if path not in resolved},
            state.prefer,
        )
        state = state._replace(settled=[*state.settled, *settled])
        write(repo, state)
        left = unmerged.keys() - {path for path, _ in settled}
        if left or not unmerged:
            return stopped(repo, state, "" if left else _words(said))
        code, said = repo.git.resume_rebase(repo.place.top, "continue")
    ended = recognise(repo, journal)
    if ended is None or ended.state != "done":
        raise CallFailed(
            f"git rebase ended without an outcome: {_words(said) or f'code {code}'}", "git status"
        )
    pairs = _rewritten(repo, state)
    kept = {old for old, _ in pairs}
    gone = [(oid, "skipped, or nothing of it was left") for oid, _ in state.rest if oid not in kept]
    return Ended(
        state.target, pairs, ended.updates[0].new, state._replace(dropped=[*state.dropped, *gone])
    )


def _replayed(
    repo: Repository, unmerged: dict[str, dict[int, Entry]], said: str
) -> list[tuple[str, str]]:
    """Files that rerere has resolved as they were resolved before (git-rerere(1)), put into the index."""
    paths = [
        path
        for path in re.findall(
            r"^(?:Resolved|Staged) '(.*)' using previous resolution\.$", said, re.MULTILINE
        )
        if path in unmerged
    ]
    if paths:
        repo.git.variant(repo.place.top).add(paths)
    return [(path, "as it was resolved before") for path in paths]


def _preferred(
    repo: Repository, unmerged: dict[str, dict[int, Entry]], prefer: tuple[Preference, ...]
) -> list[tuple[str, str]]:
    """Files whose content is in conflict, settled for the side that the user prefers."""
    settled = []
    for path, stages in unmerged.items():
        side = side_of(prefer, path)
        sides = [stages.get(2), stages.get(3)]
        if side and all(entry and entry.is_file for entry in sides):
            ours, theirs = sides
            assert ours
            assert theirs
            entry = merge_file(
                repo.git, os.path.join(repo.place.git_dir, "ekf"), stages.get(1), ours, theirs, side
            )
            repo.git.update_index([(path, entry)])
            repo.git.variant(repo.place.top).check_out_file(path)
            settled.append((path, side))
    return settled


def stopped(repo: Repository, state: RebaseState, said: str = "") -> Stopped:
    """Where the rebase waits."""
    picked = repo.git.ref_value("REBASE_HEAD")
    commit = next((oid for oid, pick in state.rest if pick == picked), picked)
    subject = state.subjects.get(commit, "")
    everything = repo.git.commits([state.target.tip], [state.target.base], first_parent=True)
    everything.reverse()
    if commit not in everything:  # all of them in one
        everything = [commit]
    number = everything.index(commit) + 1
    files = []
    for path, stages in sorted(repo.git.variant(repo.place.top).unmerged().items()):
        vendor = repo.git.last_commit_on(path, state.target.base, state.target.onto)
        files.append(File(path, _what(stages), vendor))
    return Stopped(state.target, commit, subject, number, len(everything), files, state, said)


_WHAT = {
    (1, 2, 3): "both changed it",
    (2, 3): "both added it",
    (1, 2): "you deleted it, the vendor changed it",
    (1, 3): "you changed it, the vendor deleted it",
    (1,): "both moved it or deleted it",
    (2,): "the vendor added it",
    (3,): "you added it",
}


def _what(stages: dict[int, Entry]) -> str:
    return _WHAT[tuple(sorted(stages))]


def _rewritten(repo: Repository, state: RebaseState) -> list[tuple[str, str]]:
    """(original, new), oldest first."""
    try:
        with open(os.path.join(repo.place.git_dir, "ekf", "rewritten"), encoding="ascii") as file:
            known = dict(line.split() for line in file)
        os.unlink(file.name)
    except (OSError, ValueError):
        known = {}
    pairs: dict[
        str, str
    ] = {}  # new -> original: of a commit that was skipped git notes the one before
    for old, pick in state.rest:
        new = known.get(old) or known.get(pick)
        if new:
            pairs.setdefault(new, old)
    before = {state.onto, *(new for _, new in state.written)}
    return [*state.written, *((old, new) for new, old in pairs.items() if new not in before)]


def _words(said: str) -> str:
    lines = [
        line.strip()
        for line in re.split(r"[\r\n]", said)
        if line.strip() and not line.startswith(("hint:", "Rebasing ("))
    ]
    return "; ".join(re.sub(r"^(fatal|error): ", "", line) for line in lines[:3])
