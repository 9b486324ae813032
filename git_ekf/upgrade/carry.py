"""Carries the configuration commits to their new base.

It is done as one transaction, or handed to `git rebase`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from git_ekf.background import Background
from git_ekf.errors import Refused
from git_ekf.git.calls import Git
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, RefUpdate, backup_ref
from git_ekf.replay.evidence import always
from git_ekf.replay.scratch import open_scratch
from git_ekf.replay.step import ReplayStep, results
from git_ekf.replay.writing import NewCommits, Writer, read_texts, survives_signing
from git_ekf.repository import Repository
from git_ekf.transaction.moves import to_track
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.upgrade.plan import UpgradePlan, why_not_in_memory
from git_ekf.upgrade.ready import require_ready
from git_ekf.upgrade.target import PULL, UPGRADE, Target
from git_ekf.upgrade.work import Options, Work, look_ahead, read_work, rewrite

if TYPE_CHECKING:
    from git_ekf.manifests.effects import Effects
    from git_ekf.upgrade.rebase import Ended
    from git_ekf.upgrade.rebase_conflicts import Stopped

# The hooks that `git rebase` runs at each commit that it picks (sequencer.c, try_to_commit).
_HOOKS_OF_PICKS = ("prepare-commit-msg", "post-commit")


class Done(NamedTuple):
    """The commits are carried over: (original, new); dropped ones are in the plan's steps.

    `effects` are being read, None for a pull.
    """

    plan: UpgradePlan
    commits: list[tuple[str, str]]
    tip: str
    effects: Background[Effects] | None = None


def carry_out(repo: Repository, target: Target, options: Options) -> Done | Stopped | Ended:
    """Does it, wholly or not at all, or stops at a conflict in a rebase.

    Raises Refused where it must not be done, CallFailed.
    """
    with exclusive(repo) as journal, Quarantine(repo.git, repo.place.objects) as quarantine:
        ready = Background(lambda: require_ready(repo, target, options))
        Background(lambda: (repo.git.version, repo.git.hooks_dir))  # asked ahead
        with open_scratch(repo) as scratch:
            work = read_work(repo, scratch, target, options)
            if work.migrations:  # whose tools take long: not for nothing
                ready.result()
            work = rewrite(work)
            if needs_rebase(work):
                ready.result()
                _run_pre_rebase(repo, target)
                steps: list[ReplayStep] = []
                written = NewCommits([], target.onto)
            else:
                look_ahead(work)
                with Writer(repo, scratch, quarantine, work.coming, target.onto) as writer:
                    steps = work.steps(writer.add)
                    ready.result()
                    _run_pre_rebase(repo, target)
                    written = writer.finish()
            done = [step for step in steps if step.verdict != "conflict"]
            picks = _picks(quarantine.git(scratch.storing), work, len(done))
            quarantine.migrate(written.tip, *(pick for _, pick in picks[-1:]))
        moves = _updates(target, written.tip)
        settings = to_track(repo, target.goal) if target.command == UPGRADE else ()
        plan = UpgradePlan(target, steps)
        left_out = tuple(step.commit.oid for step in plan.dropped)
        if picks:
            from git_ekf.upgrade import rebase  # which most upgrades go through without
            from git_ekf.upgrade.rebase_state import RebaseState

            known = work.options.resolutions
            # What is settled in the step in conflict git meets again.
            settled = [one for step in done for one in step.settled]
            state = RebaseState(
                target,
                written.tip,
                picks,
                {commit.oid: commit.subject for commit in work.stack.commits},
                written.commits,
                work.options.prefer,
                settled,
                _dropped(done, work),
                (work.stack.base, work.vendor) if options.drop else (),
                options.drop is always,
                left_out,
                breaking=known.breaking if known else {},
            )
            return rebase.start(repo, journal, state, moves, settings, options.drop, options.builds)
        effects = None
        if target.command != PULL:  # read while git writes the files
            effects = Background(lambda: _effects(repo, target, written.tip, done))
        as_is = len(steps) == len(work.stack.commits) and not (work.rewritten or left_out)
        perform(
            repo,
            journal,
            target.command,
            moves,
            target.goal,
            settings,
            work.divergence.entries if as_is else None,
            replays=True,
            dropped=left_out,
        )
    _tell_hooks(repo, target, written)
    return Done(plan, written.commits, written.tip, effects)


def _effects(repo: Repository, target: Target, tip: str, steps: list[ReplayStep]) -> Effects:
    from git_ekf.upgrade.effects import effects_of  # beside what git does

    return effects_of(repo, target, tip, results(steps))


def needs_rebase(work: Work) -> bool:
    """Whether `git rebase` has to do all of it.

    It alone can tell what to do, or it would change messages in its own way, run hooks at each
    commit, or sign authors as they are.
    """
    repo = work.repo
    cleanup = repo.git_setting("commit.cleanup") or "verbatim"
    if why_not_in_memory(repo) or cleanup != "verbatim":
        return True
    if any(repo.git.has_hook(name) for name in _HOOKS_OF_PICKS):
        return True
    if not repo.git_flag("commit.gpgsign"):
        return False
    encoding = repo.git_setting("i18n.commitencoding") or "UTF-8"
    texts = read_texts(work.scratch, [commit.text_of for commit in work.stack.commits], encoding)
    return not all(map(survives_signing, texts))


def _dropped(done: list[ReplayStep], work: Work) -> list[tuple[str, str]]:
    """(commit, why) of those that are not carried over, as far as it is known before the rebase."""
    steps = {step.commit.oid: step for step in done}
    dropped = []
    for commit in work.stack.commits:
        step = steps.get(commit.oid)
        why = commit.emptied
        if not why and step and step.verdict == "empty":
            why = "nothing of it is left"
        elif not why and step and step.superseded and step.verdict == "dropped":
            why = step.superseded.reason()
        elif not why and commit.oid in work.upstream:
            why = f"the channel has the same change: {work.upstream[commit.oid][:7]}"
        if why:
            dropped.append((commit.oid, why))
    return dropped


def _picks(storing: Git, work: Work, number: int) -> list[tuple[str, str]]:
    """(original, the commit to pick) of those that a rebase is to carry over, behind a number.

    `storing` writes what is to be picked.
    """
    rest = {commit.oid for commit in work.stack.commits[number:]}
    if rest and work.rewritten:
        from git_ekf.upgrade.migration import write_stack

        write_stack(storing, work.scratch, work.rewritten)
    return [(one.oid, one.tree_of) for one in work.coming if one.oid in rest]


def _updates(target: Target, tip: str) -> list[RefUpdate]:
    """A new branch, or where the one that is moved goes, and what keeps where it was."""
    null = "0" * len(target.tip)
    if target.command == UPGRADE:
        updates = [RefUpdate(HEADS + target.goal, target.goal_tip or null, tip)]
        lost = target.replaced
    else:
        updates = [RefUpdate(HEADS + target.branch, target.tip, tip)]
        lost = "" if target.base == target.tip else target.tip
    if lost:
        updates.append(RefUpdate(backup_ref(target.goal), null, lost))
    return updates


# --- what git itself does around a rebase ---


def _run_pre_rebase(repo: Repository, target: Target) -> None:
    """Raises Refused when the user's pre-rebase hook says no."""
    onto = f"{repo.config.primary}/{target.goal}"
    if repo.git.run_hook("pre-rebase", onto, target.branch, cwd=repo.place.top):
        raise Refused(
            "the pre-rebase hook refused it; nothing was changed",
            f"{repo.git.hooks_dir}/pre-rebase",
        )


def _tell_hooks(repo: Repository, target: Target, written: NewCommits) -> None:
    """Notes go along with their commits, and hooks are told, as after a rebase (githooks(5))."""
    pairs = "".join(f"{old} {new}\n" for old, new in written.commits).encode()
    if pairs:
        if repo.git_settings("notes.rewriteref") or os.environ.get("GIT_NOTES_REWRITE_REF"):
            repo.git.copy_notes(pairs)
        repo.git.run_hook("post-rewrite", "rebase", cwd=repo.place.top, stdin=pairs)
    repo.git.run_hook("post-checkout", target.tip, written.tip, "1", cwd=repo.place.top)
