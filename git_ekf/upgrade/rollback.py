"""The way back to a deploy record, with history kept linear and nothing lost.

The configuration of a record is what it changes of the vendor's commit that it stands on. Where the
branch stands on another one by now, it is that which comes back: git merges the record's files
with the vendor's of today, over the vendor's of then. Conflicts are resolved in a rebase, which
begins on a commit with the vendor's files alone and picks the configuration; its last line makes
one commit of both.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.deploy.read import Deployment
from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.calls import Git
from git_ekf.git.complaints import complaints
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, RefUpdate
from git_ekf.record import CONTEXT
from git_ekf.replay.merging import Merge, merge, one_a_path
from git_ekf.replay.new_side import NewSide
from git_ekf.replay.scratch import Scratch, open_scratch
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.journal import Journal
from git_ekf.transaction.moves import moved, to_track
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.transaction.preconditions import require_at_rest, require_clean
from git_ekf.upgrade import rebase
from git_ekf.upgrade.plan import why_not_in_memory
from git_ekf.upgrade.rebase_conflicts import Stopped
from git_ekf.upgrade.rebase_state import RebaseState
from git_ekf.upgrade.target import ROLLBACK, Target, stands_on

# Of the files that change so many are listed, which a screen has room for.
_LISTED = 20


class Vendor(NamedTuple):
    """The vendor's commits that a record and the branch stand on, and what lies between them.

    `taken` counts the vendor's commits that the branch has and the record has not, `lacking` those
    that it is the other way round with. `files` are those that differ. `known`: whether it is known
    what both stand on; otherwise nothing else counts.
    """

    then: str = ""
    now: str = ""
    taken: int = 0
    lacking: int = 0
    files: tuple[str, ...] = ()
    known: bool = True

    @property
    def moved(self) -> bool:
        """Whether the two stand on different commits."""
        return self.then != self.now


class RollbackPlan(NamedTuple):
    """How to get to a record.

    `action` is one of: nothing (HEAD is there), commit (a new commit), switch (to the branch as it
    stands), create (the branch is made at the record), forward (the branch is moved up to it).
    `here` is the branch checked out; `old` the commit of `branch`, "" where there is no such
    branch. `exact`: a new commit has the record's files, and not only its configuration.
    `conflicts` are the paths in conflict with the vendor's of today, `stat` is the difference to
    HEAD; both are there where that can be told (`foretold`).
    """

    deployment: Deployment
    action: str
    branch: str
    here: str
    old: str
    vendor: Vendor = Vendor()
    exact: bool = True
    conflicts: tuple[str, ...] = ()
    stat: str = ""
    foretold: bool = True

    @property
    def may_stop(self) -> bool:
        """Whether it takes a rebase, in which conflicts are resolved."""
        return bool(self.conflicts) or not self.foretold


def plan(repo: Repository, deployment: Deployment, *, exact: bool = False) -> RollbackPlan:
    """How a rollback would go. Raises Refused where it would not be safe."""
    require_at_rest(repo)
    here = repo.head_branch
    branch, commit = deployment.name.branch, deployment.commit
    if here is None or repo.head is None:
        raise Refused("no branch is checked out", f"git switch {shell(branch)}")
    require_clean(repo)
    old = repo.release_branches.get(branch, "")
    planned = RollbackPlan(deployment, "commit", branch, here, old)
    if not old:
        require_free_names(repo, [HEADS + branch])
        planned = planned._replace(action="create")
    elif branch != here and repo.git.is_ancestor(old, commit):
        same = repo.git.tree_of(old) == repo.git.tree_of(commit)
        planned = planned._replace(action="switch" if same else "forward")
    else:
        vendor = _vendor(repo, planned)
        planned = planned._replace(vendor=vendor, exact=exact or not vendor.moved)
        if not planned.exact:
            return _foretell(repo, planned)
        if repo.git.tree_of(old) == repo.git.tree_of(commit):
            planned = planned._replace(action="nothing" if branch == here else "switch")
    return planned._replace(stat=repo.git.diff_stat("HEAD", commit, at_most=_LISTED))


def _vendor(repo: Repository, planned: RollbackPlan) -> Vendor:
    branch, commit = planned.branch, planned.deployment.commit
    claim = planned.deployment.record.get("Upstream SHA") or ""
    then = stands_on(repo, branch, commit, claim)
    now = stands_on(repo, branch, planned.old)
    # Without a channel the last record is all that is known of the branch, and that may be older.
    if not (then and now and repo.channel(branch)):
        return Vendor(known=False)
    if then == now:
        return Vendor(then, now)
    lacking, taken = repo.git.distance(then, now)
    return Vendor(then, now, taken, lacking, tuple(repo.git.diff_trees(then, now)))


def _foretell(repo: Repository, planned: RollbackPlan) -> RollbackPlan:
    """The plan for the record's configuration on the vendor's files of today."""
    if why_not_in_memory(repo):
        return planned._replace(foretold=False)
    with open_scratch(repo) as scratch:
        merged = _merge(scratch, scratch.merging, planned)
        if not merged.clean:
            found = one_a_path(merged.conflicts)
            paths = dict.fromkeys(path for conflict in found for path in conflict.paths)
            return planned._replace(conflicts=tuple(paths))
        if merged.tree == repo.git.tree_of(planned.old):
            action = "nothing" if planned.branch == planned.here else "switch"
            planned = planned._replace(action=action)
        return planned._replace(
            stat=scratch.merging.diff_stat("HEAD", merged.tree, at_most=_LISTED)
        )


def _merge(scratch: Scratch, git: Git, planned: RollbackPlan) -> Merge:
    """What git makes of the record's configuration on the vendor's files of today.

    `git` writes it. Raises GitFailed.
    """
    vendor = planned.vendor
    picked = _configuration(git, planned)
    side = NewSide(scratch, vendor.now)
    side.read_attributes([*vendor.files, *git.diff_trees(vendor.then, picked)])
    ours = git.commit_tree(vendor.now, vendor.then, b"The vendor's\n")
    return merge(git, ours, picked)


def _configuration(git: Git, planned: RollbackPlan) -> str:
    """A commit with the record's files on the vendor's commit that it stands on."""
    return git.commit_tree(planned.deployment.commit, planned.vendor.then, _message(planned))


# --- carried out ---


def roll_back(repo: Repository, planned: RollbackPlan) -> str | Stopped | rebase.Ended:
    """Carries out a plan that changes something; the commit that is checked out then.

    It is one ref transaction, or stops at a conflict in a rebase. Raises Refused, CallFailed.
    """
    branch, old = planned.branch, planned.old
    if planned.may_stop and branch != planned.here:
        raise Refused(
            f"conflicts are resolved on {branch}, and {planned.here} is checked out",
            f"git switch {shell(branch)} && git ekf rollback {shell(str(planned.deployment.name))}",
        )
    with exclusive(repo) as journal, Quarantine(repo.git, repo.place.objects) as quarantine:
        if repo.git.head_branch() != planned.here:
            raise moved("HEAD")
        if repo.git.ref_value(HEADS + branch) != old:
            raise moved(HEADS + branch)
        if planned.may_stop:
            return _in_a_rebase(repo, journal, quarantine, planned)
        new = planned.deployment.commit
        if planned.action == "switch":
            new = old
        elif planned.action == "commit":
            new = _commit(repo, quarantine, planned)
            quarantine.migrate(new)
        updates = [RefUpdate(HEADS + branch, old or "0" * len(new), new)] if new != old else []
        settings = to_track(repo, branch) if planned.action == "create" else ()
        perform(repo, journal, ROLLBACK, updates, branch, settings)
    return new


def _commit(repo: Repository, quarantine: Quarantine, planned: RollbackPlan) -> str:
    """The new commit, in the quarantine; signed where the user signs commits.

    Its files are the record's, or its configuration on the vendor's files of today.
    """
    tree = planned.deployment.commit
    if not planned.exact:
        with open_scratch(repo) as scratch:
            tree = _merge(scratch, quarantine.git(scratch.merging), planned).tree
    sign = repo.git_flag("commit.gpgsign")
    git = quarantine.git(repo.git)
    try:
        return git.commit_tree(tree, planned.old, _message(planned), sign=sign)
    except GitFailed as error:
        if not sign:
            raise
        raise CallFailed(
            f"the commit could not be signed: {complaints(error.stderr)[0]}; nothing was changed",
            "git config --get-regexp 'gpg|signing'",
        ) from None


def _message(planned: RollbackPlan) -> bytes:
    context = planned.deployment.record.get(CONTEXT)
    message = f"Roll back to {planned.deployment.name}\n"
    if context:
        message += f"\n{context}\n"
    return os.fsencode(message)


def _in_a_rebase(
    repo: Repository, journal: Journal, quarantine: Quarantine, planned: RollbackPlan
) -> Stopped | rebase.Ended:
    """Lets git pick the configuration. Raises CallFailed where the rebase does not begin."""
    branch, old, vendor = planned.branch, planned.old, planned.vendor
    git = quarantine.git(repo.git)
    picked = _configuration(git, planned)
    bare = f"Take the configuration off, to roll back to {planned.deployment.name}\n"
    onto = git.commit_tree(vendor.now, old, os.fsencode(bare))
    quarantine.migrate(onto, picked)
    record = planned.deployment.commit
    state = RebaseState(
        Target(ROLLBACK, branch, branch, vendor.then, old, vendor.now),
        onto,
        [(record, picked)],
        {record: str(planned.deployment.name)},
    )
    return rebase.start(repo, journal, state, [RefUpdate(HEADS + branch, old, "")], ())
