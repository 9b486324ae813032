"""The way back to a deploy record, with history kept linear and nothing lost."""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.deploy.read import Deployment
from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.complaints import complaints
from git_ekf.git.quarantine import Quarantine
from git_ekf.git.refs import HEADS, RefUpdate
from git_ekf.record import CONTEXT
from git_ekf.repository import Repository
from git_ekf.shown import shell
from git_ekf.transaction.free_names import require_free_names
from git_ekf.transaction.moves import moved, tracking
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.transaction.preconditions import require_at_rest, require_clean


class RollbackPlan(NamedTuple):
    """How to get to a record.

    `action` is one of: nothing (HEAD is there), commit (a new commit with the record's tree),
    switch (to the branch as it stands), create (the branch is made at the record), forward (the
    branch is moved up to it). `here` is the branch checked out; `old` the commit of `branch`, ""
    where there is no such branch.
    """

    deployment: Deployment
    action: str
    branch: str
    here: str
    old: str


def plan(repo: Repository, deployment: Deployment) -> RollbackPlan:
    """How a rollback would go. Raises Refused where it would not be safe."""
    require_at_rest(repo)
    here = repo.head_branch
    branch, commit = deployment.name.branch, deployment.commit
    if here is None or repo.head is None:
        raise Refused("no branch is checked out", f"git switch {shell(branch)}")
    require_clean(repo)
    old = repo.release_branches.get(branch, "")
    if not old:
        require_free_names(repo, [HEADS + branch])
        action = "create"
    elif repo.git.tree_of(old) == repo.git.tree_of(commit):
        action = "nothing" if branch == here else "switch"
    elif branch != here and repo.git.is_ancestor(old, commit):
        action = "forward"
    else:
        action = "commit"
    return RollbackPlan(deployment, action, branch, here, old)


def rollback(repo: Repository, plan: RollbackPlan) -> str:
    """Carries it out in one ref transaction; the commit that is checked out then.

    Raises Refused, CallFailed.
    """
    branch, old = plan.branch, plan.old
    if plan.action == "nothing":
        return old
    with exclusive(repo) as journal, Quarantine(repo.git, repo.place.objects) as quarantine:
        if repo.git.head_branch() != plan.here:
            raise moved("HEAD")
        if repo.git.ref_value(HEADS + branch) != old:
            raise moved(HEADS + branch)
        new = plan.deployment.commit
        if plan.action == "switch":
            new = old
        elif plan.action == "commit":
            new = _commit(repo, quarantine, plan)
            quarantine.migrate(new)
        updates = [RefUpdate(HEADS + branch, old or "0" * len(new), new)] if new != old else []
        settings = tracking(repo, branch) if plan.action == "create" else ()
        perform(repo, journal, "rollback", updates, branch, settings)
    return new


def _commit(repo: Repository, quarantine: Quarantine, plan: RollbackPlan) -> str:
    """The new commit with the record's tree, signed where the user signs commits.

    It is in the quarantine.
    """
    context = plan.deployment.record.get(CONTEXT)
    message = f"Roll back to {plan.deployment.name}\n"
    if context:
        message += f"\n{context}\n"
    sign = repo.git_flag("commit.gpgsign")
    commit = plan.deployment.commit
    try:
        git = quarantine.git(repo.git)
        return git.commit_tree(commit, plan.old, os.fsencode(message), sign=sign)
    except GitFailed as error:
        if not sign:
            raise
        raise CallFailed(
            f"the commit could not be signed: {complaints(error.stderr)[0]}; nothing was changed",
            "git config --get-regexp 'gpg|signing'",
        ) from None
