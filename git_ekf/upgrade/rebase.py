"""An upgrade, sync, pull or rollback that goes on in an ordinary `git rebase`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.declared import Abort
from git_ekf.errors import CallFailed, Interrupted, Refused
from git_ekf.git.complaints import lock_in_the_way
from git_ekf.git.refs import HEADS, PICKS, RefUpdate
from git_ekf.replay.evidence import Drop, always
from git_ekf.repository import Repository
from git_ekf.shown import from_here, shell
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.journal import Journal, Operation, Setting
from git_ekf.upgrade.rebase_conflicts import Conflicts, Stopped, require_no_markers
from git_ekf.upgrade.rebase_end import recognise, rewritten
from git_ekf.upgrade.rebase_state import (
    RebaseState,
    append,
    in_progress,
    lines_of,
    read,
    remove,
    write,
)
from git_ekf.upgrade.rebase_todo import restore_last_line, write_todo
from git_ekf.upgrade.settling import known_resolutions
from git_ekf.upgrade.target import ROLLBACK, UPGRADE, Target

if TYPE_CHECKING:
    from git_ekf.manifests.build import Progress as Builds


class Ended(NamedTuple):
    """The rebase is over, and the commits are on the goal; `commits` are (original, new)."""

    state: RebaseState
    commits: list[tuple[str, str]]
    tip: str


def start(
    repo: Repository,
    journal: Journal,
    state: RebaseState,
    updates: list[RefUpdate],
    settings: tuple[Setting, ...],
    drop: Drop | None = None,
    builds: Builds | None = None,
) -> Stopped | Ended:
    """Goes on with the commits of `state.rest`; `updates` are what it all comes to.

    `drop` says which superseded commits are left out, none without it; `builds` as in `Options`.

    Raises CallFailed where the rebase does not begin.
    """
    target = state.target
    remove(repo, "rewritten")
    write(repo, state)
    # Where the branch will be only the rebase can tell.
    known = [updates[0]._replace(new=""), *updates[1:]]
    if state.is_rewritten:
        known.append(RefUpdate(f"{PICKS}{target.goal}", "0" * len(target.tip), state.rest[-1][1]))
    operation = Operation(
        number=0,
        command=target.command,
        updates=tuple(known),
        head=target.branch,
        head_after=target.goal,
        state="handed over",
        worktree=repo.place.top,
        settings=settings,
        replays=target.command != ROLLBACK,
        dropped=state.superseded,
    )
    journal.begin(operation)
    repo.git.update_refs(known[1:])
    todo = write_todo(repo, state)
    with _saying_how_to_go_on(repo, state):
        code, output = repo.git.start_rebase(repo.place.top, todo, state.onto, target.base)
        os.unlink(todo)
        if in_progress(repo, state):
            # For notes and the post-rewrite hook.
            append(repo, "rewritten-list", *(f"{old} {new}" for old, new in state.written))
        elif code:
            recognise(repo, journal)
            raise CallFailed(
                f"git rebase did not begin: {_reason(output)}; nothing was changed", "git status"
            )
        return _go_on(repo, journal, state, code, output, drop, builds)


def proceed(
    repo: Repository,
    journal: Journal,
    how: str,
    what: str,
    ask: Drop | None = None,
    builds: Builds | None = None,
) -> Stopped | Ended:
    """Goes on; `how` is continue or skip, `what` as for `require_in_progress`.

    `ask` says which superseded commits are left out, where that was not said when it began;
    `builds` as in `Options`.
    Raises Refused where nothing is in progress, or files are still in conflict, or have markers.
    """
    state = require_in_progress(repo, what)
    if how == "continue":
        unmerged = sorted(repo.git.variant(repo.place.top).unmerged())
        if unmerged:
            more = f" and {len(unmerged) - 1} more" if len(unmerged) > 1 else ""
            raise Refused(
                f"{unmerged[0]}{more} is still in conflict",
                f"edit, then: git add {shell(from_here(unmerged[0], repo.place.top))}",
            )
        require_no_markers(repo)
    _require_whole(repo, state)
    if state.target.command == UPGRADE:
        require_free_names(repo, [HEADS + state.target.goal])
    drop = always if state.drops else ask
    if _end(repo, state):
        return _go_on(repo, journal, state, 0, "", drop, builds)
    restore_last_line(repo, state)
    with _saying_how_to_go_on(repo, state):
        code, output = repo.git.resume_rebase(repo.place.top, how)
        return _go_on(repo, journal, state, code, output, drop, builds)


@contextmanager
def _saying_how_to_go_on(repo: Repository, state: RebaseState) -> Iterator[None]:
    """Raises Interrupted where somebody ends the program while the rebase is under way."""
    try:
        yield
    except (KeyboardInterrupt, Abort):
        if not in_progress(repo, state):
            raise
        command = state.target.command
        raise Interrupted(
            f"interrupted; the {command} has stopped half-way",
            f"git status shows where; then: git ekf {command} --continue, or --abort",
        ) from None


def abort(repo: Repository, journal: Journal, what: str) -> Target:
    """Back to where it began. Raises Refused, GitFailed."""
    target = require_in_progress(repo, what).target
    _require_unlocked(repo, target)
    repo.git.abort_rebase()
    recognise(repo, journal)
    if not repo.git.is_head(HEADS + target.branch, target.tip):
        raise CallFailed(
            f"git rebase --abort did not lead back to {target.branch}",
            f"git switch --force -C {shell(target.branch, target.tip)}",
        )
    return target


def require_in_progress(repo: Repository, what: str) -> RebaseState:
    """The state of the rebase in progress. Raises Refused where there is none of ours.

    `what` is what was asked for, as the subject of a sentence: "upgrade or sync".
    """
    state = read(repo)
    if state is None or not in_progress(repo, state):
        raise Refused(
            f"no {what} is in progress",
            "git ekf status; git ekf undo takes back a finished one",
        )
    return state


def _require_whole(repo: Repository, state: RebaseState) -> None:
    """Raises Refused where git was killed while it picked a commit: it would go on without it."""
    noted = lines_of(repo, "rewritten-list") + lines_of(repo, "rewritten-pending")
    accounted = {repo.git.ref_value("REBASE_HEAD"), *(line.split(" ")[0] for line in noted)}
    done = [line for line in lines_of(repo, "done") if line.startswith("pick ")]
    picked = tuple(line.split(" ")[1] for line in done)
    for _, pick in state.rest:
        if pick not in accounted and pick.startswith(picked):
            raise Refused(
                f"git was cut off while it picked {pick[:7]}, and would go on without it",
                f"git ekf {state.target.command} --abort, then begin again:"
                " what was resolved is remembered",
            )


def _end(repo: Repository, state: RebaseState) -> bool:
    """Ends a rebase that was cut off when all was done but to check the branch out.

    Whether it was so.
    """
    goal = HEADS + state.target.goal
    head = repo.git.commit("HEAD")
    if (
        any(line and not line.startswith("#") for line in lines_of(repo, "git-rebase-todo"))
        or lines_of(repo, "head-name")[:1] != [goal]
        or repo.git.ref_value(goal) != head
        or head == state.target.tip
    ):
        return False
    repo.git.point_head(goal, f"rebase (finish): returning to {goal}")
    repo.git.quit_rebase()
    return True


def _require_unlocked(repo: Repository, target: Target) -> None:
    """Raises Refused for a lock that a killed git has left.

    `git rebase --abort` would forget the rebase without leading back.
    """
    own = ("index", "HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "ORIG_HEAD")
    shared = (
        HEADS + target.branch,
        HEADS + target.goal,
        "packed-refs",
        "reftable/tables.list",
    )
    paths = [os.path.join(repo.place.git_dir, name) for name in own]
    paths += [os.path.join(repo.place.common_dir, name) for name in shared]
    for path in paths:
        lock = f"{path}.lock"
        if os.path.exists(lock):
            raise lock_in_the_way(lock)


def _go_on(
    repo: Repository,
    journal: Journal,
    state: RebaseState,
    code: int,
    output: str,
    drop: Drop | None,
    builds: Builds | None,
) -> Stopped | Ended:
    """Goes on for as long as every conflict can be settled, or its commit be left out."""
    resolutions = known_resolutions(repo, state.target, noting=True, breaking=state.breaking)
    while in_progress(repo, state):
        stop = Conflicts(repo, state, resolutions)
        # In the order in which they count in memory, where nothing is known of rerere.
        known = stop.settle_known()
        left = stop.unmerged.keys() - {one.how.path for one in known}
        found = stop.superseded() if left else None
        if found and found.certain and drop and drop(stop.commit, found):
            stop.forget_asked()
            oid = stop.commit.oid
            state = state._replace(
                dropped=[*state.dropped, (oid, found.reason())],
                superseded=(*state.superseded, oid),
            )
            write(repo, state)
            code, output = repo.git.resume_rebase(repo.place.top, "skip")
            continue
        remembered = stop.settle_remembered(left, output)
        left -= {one.path for one in remembered}
        if builds and not left:
            known, left = stop.keep_what_builds(known, builds)
        stop.put(known)
        settled = [*state.settled, *(one.how for one in known), *remembered]
        breaking = dict(resolutions.breaking) if resolutions else {}
        state = state._replace(settled=settled, asked=stop.take_asked(), breaking=breaking)
        write(repo, state)
        if left or not stop.unmerged:
            return stop.stopped(state, left, "" if left else _reason(output), found)
        code, output = repo.git.resume_rebase(repo.place.top, "continue")
    ended = recognise(repo, journal)
    if ended and ended.state == "dropped" and state.target.command == ROLLBACK:
        raise Refused(
            f"nothing of the record was left to commit, and {state.target.branch} stays as it was",
            f"git ekf rollback {shell(state.subjects[state.rest[0][0]])} --exact",
        )
    if ended is None or ended.state != "done":
        reason = _reason(output) or f"code {code}"
        raise CallFailed(f"git rebase ended without an outcome: {reason}", "git status")
    commits = rewritten(repo, state)
    if not state.asked:  # else the answers are found by them
        remove(repo, "rewritten")
    kept = {old for old, _ in commits}
    if state.target.command != ROLLBACK:  # where it is in the one commit
        superseded = tuple(oid for oid in state.superseded if oid not in kept)
        state = state._replace(dropped=_dropped(state, kept), superseded=superseded)
        if superseded != ended.dropped:  # killed before the skip, and then resolved by hand
            journal.mark(ended._replace(dropped=superseded), "done")
    return Ended(state, commits, ended.updates[0].new)


def _dropped(state: RebaseState, kept: set[str]) -> list[tuple[str, str]]:
    """(commit, why) of all that are not among the `kept`."""
    dropped = [(oid, why) for oid, why in state.dropped if oid not in kept]
    known = {*kept, *(oid for oid, _ in dropped)}
    skipped = [oid for oid, _ in state.rest if oid not in known]
    return dropped + [(oid, "skipped, or nothing of it was left") for oid in skipped]


def _reason(output: str) -> str:
    """The first lines that git said, without hints and progress."""
    lines = [line.strip() for line in re.split(r"[\r\n]", output)]
    lines = [line for line in lines if line and not line.startswith(("hint:", "Rebasing ("))]
    return "; ".join(re.sub(r"^(fatal|error): ", "", line) for line in lines[:3])
