"""Carries the configuration commits to their new base: planned, then done as one transaction, or handed to `git rebase`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from git_ekf.background import Background
from git_ekf.errors import Refused
from git_ekf.git.refs import BACKUP, HEADS, RefUpdate
from git_ekf.replay import merging
from git_ekf.replay.divergence import Divergence, read_divergence
from git_ekf.replay.forecast import ReplayStep, forecast
from git_ekf.replay.scratch import Scratch, scratch
from git_ekf.replay.stack import Commit, Stack, already_upstream, read_channel, read_stack
from git_ekf.replay.writing import NewCommits, Writer
from git_ekf.repository import Repository
from git_ekf.transaction.moves import moved, tracking
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.upgrade import rebase
from git_ekf.upgrade.migration import Hop, Migrated, hops, migrate, squash, write_stack
from git_ekf.upgrade.prefer import Preference, settler
from git_ekf.upgrade.rebase import Ended, Stopped
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.target import UPGRADE, Target


class UpgradePlan(NamedTuple):
    """What becomes of each configuration commit; `upstream` names the vendor's commit that has the patch of one."""

    target: Target
    steps: list[ReplayStep]
    upstream: dict[str, str]
    subjects: dict[str, str]

    @property
    def conflicts(self) -> list[ReplayStep]:
        return [step for step in self.steps if step.verdict == "conflict"]


class Done(NamedTuple):
    """The commits are on `goal`. `commits` are (original, new); dropped ones are in the plan's steps."""

    plan: UpgradePlan
    commits: list[tuple[str, str]]
    tip: str


class Options(NamedTuple):
    """`prefer` decides conflicts in the content of files; `flatten` makes one line of a history with merges.

    `squash`: only the final state is migrated, and carried over as one commit.
    """

    prefer: tuple[Preference, ...] = ()
    flatten: bool = False
    squash: bool = False


def why_not_in_memory(repo: Repository) -> str:
    """Why only `git rebase` can tell what it would do here; "" where that can be told."""
    if repo.git.version < merging.MINIMUM:
        return f"git {'.'.join(map(str, repo.git.version))} cannot merge without a work tree (2.39 can)"
    if repo.git_flag("merge.renormalize"):
        return "merge.renormalize is set, which git goes by in a work tree only"
    return ""


def _needs_rebase(repo: Repository) -> bool:
    """Whether `git rebase` has to do all of it: it alone can tell, or it would change messages in its own way."""
    return bool(
        why_not_in_memory(repo) or (repo.git_setting("commit.cleanup") or "verbatim") != "verbatim"
    )


def plan(repo: Repository, target: Target, options: Options) -> UpgradePlan:
    """What would become of each commit. The repository is only read. Raises Refused where it cannot be told, CallFailed."""
    why = why_not_in_memory(repo)
    if why:
        raise Refused(
            f"there is no forecast: {why}",
            f"git ekf {target.command}, without --plan; git ekf undo takes it back",
        )
    with scratch(repo) as place:
        work = _prepare(repo, place, target, options, Background(lambda: hops(repo, target)))
        steps = forecast(
            place,
            work.stack,
            target.onto,
            work.upstream,
            work.sides,
            settle=settler(place, options.prefer),
        )
        return UpgradePlan(target, steps, work.upstream, work.subjects)


def summary(plan: UpgradePlan) -> str:
    """How many commits become what."""
    counts = Counter(step.verdict for step in plan.steps)
    words = {
        "clean": "clean",
        "upstream": "already upstream",
        "empty": "nothing left of",
        "conflict": "in conflict",
    }
    return (
        ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])
        or "nothing to carry over"
    )


class _Work(NamedTuple):
    """What is to be carried over. `rewritten` is there where the commits are not those of the branch: migrated, or made one line."""

    stack: Stack
    sides: Divergence
    upstream: dict[str, str]
    subjects: dict[str, str]
    rewritten: Migrated | None


def _prepare(
    repo: Repository,
    place: Scratch,
    target: Target,
    options: Options,
    migrations: Background[list[Hop]],
) -> _Work:
    """Raises CallFailed where a migration fails, and what `migrations` raises."""
    channel = Background(lambda: read_channel(repo.git, target.base, target.onto))
    vendor = Background(lambda: read_divergence(place.writing, target.base, target.onto))
    stack, names = read_stack(repo.git, target.base, target.tip)
    sides = vendor.result()
    upstream = already_upstream(repo.git, stack, channel.result(), target.tip, target.onto)
    todo = migrations.result()
    if todo and options.squash:
        stack, upstream = squash(repo, place, stack, target, names), {}
    rewritten = (
        migrate(repo, place, stack, todo, squashed=options.squash)
        if todo
        else Migrated(stack, {})
        if options.flatten
        else None
    )
    if rewritten:
        stack = write_stack(place.writing, place, rewritten)
        sides = read_divergence(place.writing, stack.base, target.onto)
    return _Work(stack, sides, upstream, names, rewritten)


def carry_out(
    repo: Repository, target: Target, options: Options, ready: Callable[[], None]
) -> Done | Stopped | Ended:
    """Does it, wholly or not at all, or stops at a conflict in a rebase. `ready` raises Refused where it must not be done.

    Raises Refused, CallFailed.
    """

    def look() -> None:
        if not repo.git.is_head(HEADS + target.branch, target.tip):
            raise moved(HEADS + target.branch)
        ready()

    def migrations() -> list[Hop]:
        todo = hops(repo, target)
        if todo:  # not to run tools in vain
            asked.result()
        return todo

    with exclusive(repo) as journal:
        asked = Background(look)
        Background(lambda: (repo.git.version, repo.git.hooks_dir))  # which will be wanted
        with scratch(repo) as place:
            work = _prepare(repo, place, target, options, Background(migrations))
            steps, written, changes = [], NewCommits([], target.onto), None
            if not _needs_rebase(repo):
                settle = settler(place, options.prefer)
                with Writer(repo, place, work.stack.commits, target.onto) as writer:
                    steps = forecast(
                        place,
                        work.stack,
                        target.onto,
                        work.upstream,
                        work.sides,
                        settle=settle,
                        write=writer.add,
                    )
                    asked.result()
                    _run_pre_rebase(repo, target)
                    written = writer.finish()
                changes = None if work.rewritten else work.sides.entries
                done = steps[:-1] if steps and steps[-1].verdict == "conflict" else steps
                rest = work.stack.commits[len(done) :]
            else:
                asked.result()
                _run_pre_rebase(repo, target)
                rest = work.stack.commits
            picks = _picks(place, work, rest)
        moves = updates(target, written.tip)
        settings = tracking(repo, target.goal) if target.command == UPGRADE else ()
        if picks:
            state = RebaseState(
                target,
                written.tip,
                written.commits,
                picks,
                work.subjects,
                options.prefer,
                _settled(steps),
                _dropped(steps, work),
            )
            return rebase.start(repo, journal, state, moves, settings)
        perform(repo, journal, target.command, moves, target.goal, settings, changes)
    after(repo, target, written)
    return Done(
        UpgradePlan(target, steps, work.upstream, work.subjects), written.commits, written.tip
    )


def _settled(steps: list[ReplayStep]) -> list[tuple[str, str]]:
    """(path, side) of the conflicts that were decided before it stopped; those of the last step git meets again."""
    return [pair for step in steps if step.verdict != "conflict" for pair in step.settled]


def _dropped(steps: list[ReplayStep], work: _Work) -> list[tuple[str, str]]:
    """(commit, why) of those that are not carried over, as far as that is known before the rebase."""
    why = {
        oid: f"the channel has the same change: {vendor[:7]}"
        for oid, vendor in work.upstream.items()
    }
    why |= {step.commit.oid: "nothing of it is left" for step in steps if step.verdict == "empty"}
    why |= {
        commit.oid: "the migration leaves nothing of it"
        for commit in work.stack.commits
        if commit.emptied
    }
    return [(commit.oid, why[commit.oid]) for commit in work.stack.commits if commit.oid in why]


def _picks(place: Scratch, work: _Work, rest: list[Commit]) -> list[tuple[str, str]]:
    """(original, the commit to pick) of those that a rebase is to carry over; what is to be picked is in the repository then."""
    if rest and work.rewritten:
        write_stack(place.storing, place, work.rewritten)
    return [
        (commit.oid, commit.tree_of)
        for commit in rest
        if commit.oid not in work.upstream and not commit.emptied
    ]


def updates(target: Target, tip: str) -> list[RefUpdate]:
    """An upgrade makes a new branch; a sync moves the one there is, and keeps where it was."""
    null = "0" * len(target.tip)
    if target.command == UPGRADE:
        return [RefUpdate(HEADS + target.goal, null, tip)]
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return [
        RefUpdate(HEADS + target.branch, target.tip, tip),
        RefUpdate(f"{BACKUP}{target.branch}/{stamp}", null, target.tip),
    ]


# --- what git itself does around a rebase ---


def _run_pre_rebase(repo: Repository, target: Target) -> None:
    """Raises Refused when the user's pre-rebase hook says no."""
    if repo.git.run_hook(
        "pre-rebase", f"{repo.config.primary}/{target.goal}", target.branch, cwd=repo.place.top
    ):
        raise Refused(
            "the pre-rebase hook refused it; nothing was changed",
            f"{repo.git.hooks_dir}/pre-rebase",
        )


def after(repo: Repository, target: Target, written: NewCommits) -> None:
    """Notes go along with their commits, and hooks are told, as after a rebase (githooks(5))."""
    pairs = "".join(f"{old} {new}\n" for old, new in written.commits).encode()
    if pairs:
        if any(key == "notes.rewriteref" for key, _ in repo.git_config) or os.environ.get(
            "GIT_NOTES_REWRITE_REF"
        ):
            repo.git.copy_notes(pairs)
        repo.git.run_hook("post-rewrite", "rebase", cwd=repo.place.top, stdin=pairs)
    repo.git.run_hook("post-checkout", target.tip, written.tip, "1", cwd=repo.place.top)
