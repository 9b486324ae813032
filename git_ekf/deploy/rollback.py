"""The way back to a deploy record, with history kept linear and nothing lost."""

from __future__ import annotations

import os
from typing import NamedTuple

from git_ekf.deploy.read import Deployment
from git_ekf.errors import CallFailed, GitFailed, Refused
from git_ekf.git.refs import HEADS, RefUpdate
from git_ekf.record import CONTEXT
from git_ekf.repository import Repository
from git_ekf.transaction.moves import tracking
from git_ekf.transaction.perform import exclusive, perform
from git_ekf.transaction.preconditions import require_at_rest, require_clean


class RollbackPlan(NamedTuple):
    """How to get to a record.

    `how` is one of: nothing (HEAD is there), commit (a new commit with the record's tree), switch
    (to the branch as it stands), create (the branch is made at the record), forward (the branch is
    moved up to it).
    """

    deployment: Deployment
    how: str
    branch: str
    here: str
    old: str


def plan(repo: Repository, deployment: Deployment) -> RollbackPlan:
    """Raises Refused where a rollback would not be safe."""
    require_at_rest(repo)
    here = repo.head_branch
    if here is None or repo.head is None:
        raise Refused("no branch is checked out", f"git switch {deployment.name.branch}")
    require_clean(repo)
    branch, commit = deployment.name.branch, deployment.commit
    old = repo.release_branches.get(branch, "")
    if not old:
        how = "create"
    elif repo.git.tree_of(old) == repo.git.tree_of(commit):
        how = "nothing" if branch == here else "switch"
    elif branch != here and repo.git.is_ancestor(old, commit):
        how = "forward"
    else:
        how = "commit"
    return RollbackPlan(deployment, how, branch, here, old)


def rollback(repo: Repository, plan_: RollbackPlan) -> str:
    """Carries it out in one ref transaction; the commit that is checked out then.

    Raises Refused, CallFailed.
    """
    branch, old = plan_.branch, plan_.old
    if plan_.how == "nothing":
        return old
    with exclusive(repo) as journal:
        if (repo.git.head_branch(), repo.git.ref_value(HEADS + branch)) != (plan_.here, old):
            raise Refused(
                f"{plan_.here} or {branch} has moved meanwhile", "git ekf status, then try again"
            )
        new = plan_.deployment.commit
        if plan_.how == "commit":
            new = _commit(repo, plan_)
        elif plan_.how == "switch":
            new = old
        updates = [RefUpdate(HEADS + branch, old or "0" * len(new), new)] if new != old else []
        perform(
            repo,
            journal,
            "rollback",
            updates,
            branch,
            tracking(repo, branch) if plan_.how == "create" else (),
        )
    return new


def _commit(repo: Repository, plan_: RollbackPlan) -> str:
    """The new commit with the record's tree, signed when the user signs commits."""
    name, context = plan_.deployment.name, plan_.deployment.record.get(CONTEXT) or ""
    message = f"Roll back to {name}\n" + (f"\n{context}\n" if context else "")
    sign = repo.git_flag("commit.gpgsign")
    commit = plan_.deployment.commit
    try:
        return repo.git.commit_tree(commit, plan_.old, os.fsencode(message), sign=sign)
    except GitFailed as error:
        if not sign:
            raise
        said = error.stderr.strip().splitlines()[0].removeprefix("error: ")
        raise CallFailed(
            f"the commit could not be signed: {said}; nothing was changed",
            "git config --get-regexp 'gpg|signing'",
        ) from None
